//! The server's own configuration.

use super::GetResponse;

/// The resource to [`super::Get`], for administrators only, `[MS-WSMV] 2.2.4`.
pub const CONFIG_RESOURCE_URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";

/// `MaxEnvelopeSizekb` in bytes: the largest envelope the server reads.
pub fn max_envelope_size(config: &GetResponse) -> Option<u32> {
    let GetResponse::Other(element) = config else { return None };
    let kib = element.elements().find(|child| child.name == "MaxEnvelopeSizekb")?;
    kib.text().trim().parse::<u32>().ok()?.checked_mul(1024)
}
