"""An attempt's repository without queries: graphs assembled by hand, inputs kept from visit to visit."""
