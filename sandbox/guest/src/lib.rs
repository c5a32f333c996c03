//! CPython as a WebAssembly component: the guest that cofferdam-sandbox runs untrusted programs in.
