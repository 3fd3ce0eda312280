"""What windflow tells the rest of a project. Each is sent after the commit, with ``send_robust``,
so a receiver never sees what was rolled back and can break nothing by raising.

==================== =====================================================
signal               keyword arguments
==================== =====================================================
run_started          ``run``
run_finished         ``run`` (succeeded, failed or cancelled)
suspension_opened    ``suspension`` (its links are out, the run waits)
suspension_closed    ``suspension`` (approved, rejected, timed out, cancelled)
approval_recorded    ``approval`` (one person's decision, or a withdrawn link)
==================== =====================================================
"""

from __future__ import annotations

from django.dispatch import Signal

run_started = Signal()
run_finished = Signal()
suspension_opened = Signal()
suspension_closed = Signal()
approval_recorded = Signal()
