"""The workspace as a child process: framed messages over a socket pair."""
