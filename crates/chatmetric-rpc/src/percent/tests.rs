//! Tests.

use proptest::prelude::*;

use super::*;

#[test]
fn the_vendors_table() {
    assert_eq!(
        encode("a b*c~d+e/f=g&h%20!'()"),
        "a%20b%2Ac~d%2Be%2Ff%3Dg%26h%2520%21%27%28%29"
    );
    assert_eq!(encode("中é"), "%E4%B8%AD%C3%A9");
    assert_eq!(encode("AZaz09-_.~"), "AZaz09-_.~");
}

#[test]
fn a_form_decodes_plus_and_percent_twenty_alike() {
    assert_eq!(decode_form(b"a+b%20c%2B").as_deref(), Ok("a b c+"));
    assert_eq!(decode_form(b"%e4%b8%AD").as_deref(), Ok("中"));
    assert_eq!(decode_form(b"").as_deref(), Ok(""));
}

#[test]
fn what_cannot_be_decoded_is_told_apart() {
    for bad in ["%", "%4", "%zz", "a%4", "%-1", "%+1", "% 1"] {
        assert_eq!(
            decode_form(bad.as_bytes()),
            Err(DecodeError::BadEscape),
            "{bad}"
        );
    }
    for bad in [&b"%ff"[..], b"%C3", b"\xff", b"%ED%A0%80", b"a%80"] {
        assert_eq!(decode_form(bad), Err(DecodeError::NotUtf8), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn decoding_is_the_inverse_of_encoding(text in ".*") {
        prop_assert_eq!(decode_form(encode(&text).as_bytes()), Ok(text));
    }

    #[test]
    fn twice_is_the_same_as_two_times_once(text in ".*") {
        let mut out = Vec::new();
        encode_twice_into(&text, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), encode(&encode(&text)));
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(text) = decode_form(&bytes) {
            prop_assert_eq!(decode_form(encode(&text).as_bytes()), Ok(text));
        }
    }
}
