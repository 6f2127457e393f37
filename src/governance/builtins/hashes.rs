//! Hashes, which name things by what they hold.
//!
//! MD5 and SHA-1 prove nothing any more; but policies compare names that others made with them.

use std::fmt::Write as _;

use regorus::Value;
use sha2::{Digest, Sha256, Sha512};

use super::call::Unable;
use super::own::text;

/// Computes the hash of some bytes.
type Hash = fn(&[u8]) -> Vec<u8>;

macro_rules! hashes {
    ($name:ident, $hmac:ident, $hash:expr) => {
        pub(super) fn $name(arguments: &[Value]) -> Result<Value, Unable> {
            let hash: Hash = $hash;
            text(arguments, 0).map(|text| hex(&hash(text.as_bytes())))
        }

        pub(super) fn $hmac(arguments: &[Value]) -> Result<Value, Unable> {
            let (text, key) = (text(arguments, 0)?, text(arguments, 1)?);
            Ok(hex(&hmac($hash, 64, text.as_bytes(), key.as_bytes())))
        }
    };
}

hashes!(md5, hmac_md5, md5_of);
hashes!(sha1, hmac_sha1, sha1_of);
hashes!(sha256, hmac_sha256, |bytes| Sha256::digest(bytes).to_vec());

pub(super) fn hmac_sha512(arguments: &[Value]) -> Result<Value, Unable> {
    let (text, key) = (text(arguments, 0)?, text(arguments, 1)?);
    let hash: Hash = |bytes| Sha512::digest(bytes).to_vec();
    Ok(hex(&hmac(hash, 128, text.as_bytes(), key.as_bytes())))
}

fn hex(bytes: &[u8]) -> Value {
    let text = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Value::from(text)
}

/// Keyed hash as RFC 2104 has it, for a hash that works on blocks of that size.
fn hmac(hash: Hash, block: usize, text: &[u8], key: &[u8]) -> Vec<u8> {
    let mut padded = if key.len() > block { hash(key) } else { key.to_vec() };
    padded.resize(block, 0);
    let pad = |with: u8| padded.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = hash(&[&pad(0x36), text].concat());
    hash(&[pad(0x5c), inner].concat())
}

/// The blocks of 16 words that a text is filled up to: a bit, zeros, and its length.
fn blocks(bytes: &[u8], is_little: bool) -> Vec<[u32; 16]> {
    let bits = (bytes.len() as u64).wrapping_mul(8);
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend(if is_little { bits.to_le_bytes() } else { bits.to_be_bytes() });
    let (words, _) = padded.as_chunks::<4>();
    let read = if is_little { u32::from_le_bytes } else { u32::from_be_bytes };
    let words: Vec<u32> = words.iter().copied().map(read).collect();
    words.as_chunks::<16>().0.to_vec()
}

/// RFC 1321.
fn md5_of(bytes: &[u8]) -> Vec<u8> {
    const SHIFTS: [[u32; 4]; 4] =
        [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut state = START;
    for block in blocks(bytes, true) {
        let [mut a, mut b, mut c, mut d] = state;
        for (round, shifts) in SHIFTS.iter().enumerate() {
            for (step, shift) in (0..16).zip(shifts.iter().cycle()) {
                let (mixed, word) = match round {
                    0 => ((b & c) | (!b & d), step),
                    1 => ((d & b) | (!d & c), 5 * step + 1),
                    2 => (b ^ c ^ d, 3 * step + 5),
                    _ => (c ^ (b | !d), 7 * step),
                };
                let word = block.get(word % 16).copied().unwrap_or_default();
                let sum =
                    a.wrapping_add(mixed).wrapping_add(sine(16 * round + step)).wrapping_add(word);
                (a, d, c) = (d, c, b);
                b = b.wrapping_add(sum.rotate_left(*shift));
            }
        }
        for (state, one) in state.iter_mut().zip([a, b, c, d]) {
            *state = state.wrapping_add(one);
        }
    }
    state.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The digits that MD5 takes from the sine of a number.
fn sine(step: usize) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is positive and below 2^32"
    )]
    let digits = (((step + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
    digits
}

/// RFC 3174.
fn sha1_of(bytes: &[u8]) -> Vec<u8> {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in blocks(bytes, false) {
        let mut words = block.to_vec();
        for at in 16..80 {
            let back = |distance: usize| words.get(at - distance).copied().unwrap_or_default();
            words.push((back(3) ^ back(8) ^ back(14) ^ back(16)).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (step, word) in words.iter().enumerate() {
            let (mixed, constant) = match step / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = [mixed, e, constant, *word]
                .iter()
                .fold(a.rotate_left(5), |sum, one| sum.wrapping_add(*one));
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (state, one) in state.iter_mut().zip([a, b, c, d, e]) {
            *state = state.wrapping_add(one);
        }
    }
    state.into_iter().flat_map(u32::to_be_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gives(function: fn(&[Value]) -> Result<Value, Unable>, texts: &[&str], expected: &str) {
        let arguments: Vec<Value> = texts.iter().map(|text| Value::from(*text)).collect();
        assert_eq!(function(&arguments), Ok(Value::from(expected)));
    }

    // RFC 1321, RFC 3174 and FIPS 180.
    #[test]
    fn hashes_are_those_of_their_standards() {
        gives(md5, &[""], "d41d8cd98f00b204e9800998ecf8427e");
        gives(md5, &["message digest"], "f96b697d7cb7938d525a2f31aaf161d0");
        let long = "1234567890".repeat(8);
        gives(md5, &[&long], "57edf4a22be3c955ac49da2e2107b67a");
        gives(sha1, &["abc"], "a9993e364706816aba3e25717850c26c9cd0d89d");
        let two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        gives(sha1, &[two], "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        gives(sha1, &[&"a".repeat(1_000_000)], "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        gives(sha256, &["abc"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    // RFC 2202 and RFC 4231, test case 2.
    #[test]
    fn keyed_hashes_are_those_of_their_standards() {
        let texts = ["what do ya want for nothing?", "Jefe"];
        gives(hmac_md5, &texts, "750c783e6ab0b503eaa86e310a5db738");
        gives(hmac_sha1, &texts, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        gives(
            hmac_sha256,
            &texts,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
    }
}
