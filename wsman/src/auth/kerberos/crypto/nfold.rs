//! n-fold, RFC 3961 5.1.

/// Stretches or shrinks `input` to `length` bytes.
pub(super) fn n_fold(input: &[u8], length: usize) -> Vec<u8> {
    let least_common = input.len() * length / greatest_common_divisor(input.len(), length);
    let bits = input.len() * 8;
    // One copy after the other, each turned right by 13 bits more than the one before.
    let byte = |at: usize| {
        let (copy, place) = (at / input.len(), at % input.len());
        let first = (place * 8 + bits - 13 * copy % bits) % bits;
        let (index, shift) = (first / 8, first % 8);
        let pair = u16::from(input[index]) << 8 | u16::from(input[(index + 1) % input.len()]);
        (pair << shift >> 8) as u8
    };
    let mut sum = vec![0; length];
    let mut carry = 0;
    for at in (0..least_common).rev() {
        let place = at % length;
        let total = u16::from(sum[place]) + u16::from(byte(at)) + carry;
        sum[place] = (total & 0xFF) as u8;
        carry = total >> 8;
    }
    // One's complement: what runs over comes in at the other end.
    while carry > 0 {
        for place in sum.iter_mut().rev() {
            let total = u16::from(*place) + carry;
            *place = (total & 0xFF) as u8;
            carry = total >> 8;
        }
    }
    sum
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::n_fold;

    /// RFC 3961 A.1.
    #[test]
    fn published_vectors() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        for (input, length, output) in [
            ("012345", 8, "be072631276b1955"),
            ("password", 7, "78a07b6caf85fa"),
            ("Rough Consensus, and Running Code", 8, "bb6ed30870b7f0e0"),
            ("password", 21, "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"),
            ("MASSACHVSETTS INSTITVTE OF TECHNOLOGY", 24, "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"),
            ("Q", 21, "518a54a215a8452a518a54a215a8452a518a54a215"),
            ("ba", 21, "fb25d531ae8974499f52fd92ea9857c4ba24cf297e"),
            ("kerberos", 8, "6b65726265726f73"),
            ("kerberos", 16, "6b65726265726f737b9b5b2b93132b93"),
            ("kerberos", 32, "6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4"),
        ] {
            assert_eq!(n_fold(input.as_bytes(), length), hex(output), "{input} {length}");
        }
    }
}
