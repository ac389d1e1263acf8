"""Master calibrations: made from frames, checked, certified and found again."""
