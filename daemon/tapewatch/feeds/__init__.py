"""Where ticks come from: vendor protocols without I/O, the connection that drives them, files, the simulator."""
