"""The stages that a delivery passes on its way to a message, each a small class; none does I/O or reads a clock."""
