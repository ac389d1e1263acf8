"""An attempt's own repository behind one seam, and the execution of pipelines in it."""
