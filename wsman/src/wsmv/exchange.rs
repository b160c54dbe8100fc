//! What Exchange puts before its error texts.

/// The brackets before a message of Exchange, as in
/// `[ClientAccessServer=EX01,BackEndServer=ex02.contoso.com,RequestId=..,TimeStamp=..] [FailureCategory=..] text`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeDiagnostics {
    /// `ClientAccessServer`
    pub client_access_server: Option<String>,
    /// `BackEndServer`, or `Server`
    pub back_end_server: Option<String>,
    /// `RequestId`: finds the request in the logs of Exchange
    pub request_id: Option<String>,
    /// `TimeStamp`, as it stands there
    pub time_stamp: Option<String>,
    /// `FailureCategory`: `AuthZ-...`, `WSMan-InvalidShellID`
    pub failure_category: Option<String>,
    /// Other keys
    pub others: Vec<(String, String)>,
}

/// Keys that are kept.
const MAX_OTHERS: usize = 16;

impl ExchangeDiagnostics {
    /// Splits a message into the brackets and the text behind them; `None` where it does not begin with
    /// `[Key=value...]`.
    pub fn split(message: &str) -> Option<(Self, &str)> {
        let mut found = Self::default();
        let mut rest = message.trim_start();
        let mut any = false;
        while let Some((inside, after)) = rest.strip_prefix('[').and_then(|text| text.split_once(']')) {
            if !is_pairs(inside) {
                break;
            }
            found.take(inside);
            any = true;
            rest = after.trim_start();
        }
        any.then_some((found, rest))
    }

    fn take(&mut self, inside: &str) {
        let mut pair = String::new();
        for piece in inside.split(',') {
            // A time stamp may hold a comma.
            if piece.contains('=') && !pair.is_empty() {
                self.put(&pair);
                pair.clear();
            } else if !pair.is_empty() {
                pair.push(',');
            }
            pair.push_str(piece);
        }
        self.put(&pair);
    }

    fn put(&mut self, pair: &str) {
        let Some((key, value)) = pair.split_once('=') else { return };
        let (key, value) = (key.trim(), value.trim().to_owned());
        let field = match key {
            "ClientAccessServer" => &mut self.client_access_server,
            "BackEndServer" | "Server" => &mut self.back_end_server,
            "RequestId" => &mut self.request_id,
            "TimeStamp" => &mut self.time_stamp,
            "FailureCategory" => &mut self.failure_category,
            _ if self.others.len() < MAX_OTHERS => return self.others.push((key.to_owned(), value)),
            _ => return,
        };
        *field = Some(value);
    }
}

fn is_pairs(inside: &str) -> bool {
    inside.split_once('=').is_some_and(|(key, _)| {
        !key.is_empty() && key.trim().bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
