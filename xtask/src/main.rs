//! The project's own commands: test, services, guest.
fn main() {}
