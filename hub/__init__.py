"""The hub: ready scripts. It uses nothing of windflow that a shop's own scripts cannot use."""
