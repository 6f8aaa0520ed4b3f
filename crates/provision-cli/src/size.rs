//! Sizes as people write them.

use std::str::FromStr;

/// An amount of memory, such as `1GiB`, `512MiB` or `2G`. In whole MiB; a `GB` is taken for a `GiB`, as vendors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) mib: u64,
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || "write a size with its unit, such as 512MiB or 1GiB".to_owned();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "m" | "mb" | "mib" => 1.0,
            "g" | "gb" | "gib" => 1024.0,
            _ => return Err(refuse()),
        };
        let mib = number.parse::<f64>().map_err(|_| refuse())? * factor;
        if !(1.0..=1e9).contains(&mib) {
            return Err(refuse());
        }
        let mib = mib.ceil() as u64;
        Ok(Self { mib })
    }
}

/// Memory as people read it, such as `0.5 GiB`.
pub(crate) fn gibibytes(mib: u64) -> String {
    // Far below 2^53: the conversion loses nothing.
    let gib = format!("{:.2}", mib as f64 / 1024.0);
    format!("{} GiB", gib.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_in_gibibytes() {
        for (mib, shown) in [
            (512, "0.5 GiB"),
            (1000, "0.98 GiB"),
            (1024, "1 GiB"),
            (3840, "3.75 GiB"),
            (10_240, "10 GiB"),
        ] {
            assert_eq!(gibibytes(mib), shown);
        }
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, mib) in [
            ("1GiB", 1024),
            ("512MiB", 512),
            ("0.5g", 512),
            ("2 GB", 2048),
            ("1500m", 1500),
        ] {
            assert_eq!(text.parse(), Ok(Memory { mib }), "{text}");
        }
        for text in ["", "1", "GiB", "0GiB", "-1GiB", "1TiB", "1.2.3GiB", "99999999999GiB"] {
            text.parse::<Memory>().unwrap_err();
        }
    }
}
