"""The use cases, talking only to ports.

`work` leases visit-detectors and `process_visit` carries one through;
`fan_out`, `index_raws`, `write_outputs` and `initialize` are the services
around it.
"""
