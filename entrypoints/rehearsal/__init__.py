"""``prompt-processing rehearse``: a night played in advance by production's use cases, on a virtual clock."""
