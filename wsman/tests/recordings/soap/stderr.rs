//! `#< CLIXML` documents from the stderr of PowerShell.

use wsman::clixml::{StderrPart, split_stderr};

use crate::common::{Tally, files};

#[test]
fn what_powershell_wrote_to_stderr() {
    for path in files("clixml", ".xml") {
        let mut tally = Tally::new(&path);
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        tally.case("split", is_split(&bytes, &text));
        tally.finish();
    }
}

fn is_split(bytes: &[u8], text: &str) -> Result<(), String> {
    let parts = split_stderr(bytes);
    let [StderrPart::Records(records)] = parts.as_slice() else { return Err(format!("{parts:?}")) };
    let count = |stream: &str| records.iter().filter(|record| record.stream == stream).count();
    let (errors, progress) = (count("Error"), count("progress"));
    let told = (text.matches(" S=\"Error\"").count(), text.matches(" S=\"progress\"").count());
    if (errors, progress) != told || records.len() != errors + progress {
        return Err(format!("{errors} errors and {progress} progress records instead of {told:?}"));
    }
    let lines = records.iter().filter(|record| record.stream == "Error");
    let whole = lines.clone().all(|record| record.value.as_str().is_some_and(|line| line.ends_with("\r\n")));
    whole.then_some(()).ok_or("an error line is not a text with its end".to_owned())
}
