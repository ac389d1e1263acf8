"""The PipelineTasks, one module each; what they compute stands in the modules beside this package."""
