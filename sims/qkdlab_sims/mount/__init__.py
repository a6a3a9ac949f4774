"""Where a machine can be reached: in process now, sockets and ptys later."""
