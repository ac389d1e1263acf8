"""A whole night on one machine: the box of services, the processes, and what people see of them."""
