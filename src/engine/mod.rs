//! Time, order, durability, all I/O.
