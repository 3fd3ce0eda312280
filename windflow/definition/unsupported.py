"""What OpenFlow has and this version cannot run: the key, and what to do instead.

To ignore such a key would be to run another flow than the one that was written.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy

_LATER = gettext_lazy("This version cannot run it yet; leave it out.")
STEP_TYPES = {
    "forloopflow": gettext_lazy(
        "This version runs no loops yet; use a script that takes the whole list."
    ),
    "whileloopflow": gettext_lazy("This version runs no loops yet; use a script that repeats."),
    "branchone": gettext_lazy("This version runs no branches yet; give steps a skip_if."),
    "branchall": gettext_lazy("This version runs no branches yet; put their steps in a row."),
    "flow": gettext_lazy("This version runs no flows inside flows yet; copy its steps in here."),
    "rawscript": gettext_lazy("Code in a document is never run; register it with @script."),
}
FLOW_KEYS = {
    "failure_module": gettext_lazy(
        "This version runs no failure module yet; give steps retry or continue_on_error."
    ),
    "preprocessor_module": gettext_lazy("This version runs no preprocessor yet; add a first step."),
    "skip_expr": gettext_lazy("This version cannot run it yet; give the steps a skip_if."),
    "early_return": _LATER,
    "concurrent_limit": _LATER,
    "concurrency_key": _LATER,
    "concurrency_time_window_s": _LATER,
    "cache_ttl": _LATER,
    "priority": _LATER,
    "flow_env": gettext_lazy("Documents have no variables; use the flow's input."),
}
STEP_KEYS = {
    "timeout": gettext_lazy(
        'This version has no timeout a step yet; WINDFLOW["DEFAULT_TIMEOUT"] holds for all. The '
        "deadline of an approval is suspend.timeout."
    ),
    "stop_after_all_iters_if": gettext_lazy("This version runs no loops yet; leave it out."),
    "cache_ttl": _LATER,
    "delete_after_use": _LATER,
    "mock": _LATER,
    "priority": _LATER,
    "concurrent_limit": _LATER,
    "pass_flow_input_directly": gettext_lazy("Write an input_transform for each argument."),
}
VALUE_KEYS = {
    "hash": gettext_lazy("Scripts have no versions here; leave it out."),
    "tag_override": gettext_lazy("Steps of one run share a worker; leave it out."),
    "is_trigger": gettext_lazy("This version has no triggers in flows yet; leave it out."),
}
