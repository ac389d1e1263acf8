"""What several wires have in common. It is no adapter: it stands below all of them."""
