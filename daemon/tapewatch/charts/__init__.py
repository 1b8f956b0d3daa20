"""What people see of a symbol: its bars with everything that is drawn over them."""
