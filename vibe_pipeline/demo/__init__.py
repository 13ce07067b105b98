"""The whole product against the simulator: one newcomer, one list, every promise checked."""
