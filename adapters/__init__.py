"""What the ports are made of: one folder per neighbour, none importing another."""
