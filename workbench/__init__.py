"""Real frames on a person's machine: inventory, masters, templates, catalogues, the plan of a replay."""
