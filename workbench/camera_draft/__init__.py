"""A camera file drafted from frames: what headers and pixels tell, and what a person must still say.

`workbench.camera_draft.amplifiers` finds the readouts of one detector.
"""
