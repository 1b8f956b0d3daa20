"""Each rule of a config over past data, before anyone is woken by it: how often it fired, and what price did then."""
