//! One recorded session: transport lines and the messages in them.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use wsman::psrp::Stream;
use wsman::psrp::fragment::{Fragmenter, Reassembler};
use wsman::psrp::message::{Destination, Message, MessageType};

use crate::common::{Tally, json_lines};

pub struct Session {
    pub name: String,
    pub lines: Vec<Line>,
    pub messages: Vec<Json>,
}

pub struct Line {
    pub n: i64,
    pub from_client: bool,
    pub kind: String,
    pub stream: Stream,
    pub bytes: Vec<u8>,
}

impl Session {
    pub fn read(path: &Path) -> Self {
        let mut lines = json_lines(path).into_iter();
        let header = lines.next().unwrap();
        let lines = lines.map(|line| Line::read(&line)).collect();
        let messages = json_lines(Path::new(&path.to_string_lossy().replace(".jsonl", ".messages.jsonl")));
        Self {
            name: header["session"].as_str().unwrap().to_owned(),
            lines,
            messages: messages.into_iter().filter(|message| message.get("type_name").is_some()).collect(),
        }
    }

    /// The messages of every line, put together per side and stream.
    pub fn by_line(&self) -> Vec<(&Line, Vec<Message>)> {
        let mut streams: HashMap<(bool, Stream), Reassembler> = HashMap::new();
        self.lines
            .iter()
            .map(|line| {
                let mut objects = Vec::new();
                let stream = streams.entry((line.from_client, line.stream));
                stream
                    .or_insert_with(|| Reassembler::new(usize::MAX))
                    .push(&line.bytes, &mut objects)
                    .unwrap();
                (line, objects.iter().map(|object| Message::parse(object).unwrap()).collect())
            })
            .collect()
    }
}

impl Line {
    fn read(line: &Json) -> Self {
        let id: Uuid = line["ps_guid"].as_str().unwrap().parse().unwrap();
        Self {
            n: line["n"].as_i64().unwrap(),
            from_client: line["from"] == "client",
            kind: line["kind"].as_str().unwrap().to_owned(),
            stream: if id.is_nil() { Stream::Pool } else { Stream::Pipeline(id) },
            bytes: line["fragments_base64"]
                .as_str()
                .map(|text| STANDARD.decode(text).unwrap())
                .unwrap_or_default(),
        }
    }
}

/// A message as one fragment, for what has to be rewritten.
pub fn fragment(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut fragments = Fragmenter::new(999_999, message.to_bytes());
    while fragments.write(1 << 20, &mut bytes) {}
    bytes
}

pub fn check_messages(session: &Session, tally: &mut Tally) {
    let mut recorded = session.messages.iter();
    for (line, messages) in session.by_line() {
        for message in messages {
            let expected = recorded.next();
            tally.case(
                &format!("line {}", line.n),
                match expected {
                    None => Err("a message too many".to_owned()),
                    Some(expected) => compare(&message, expected, line),
                },
            );
        }
    }
    for missing in recorded {
        tally.case(&missing["n"].to_string(), Err("did not come".to_owned()));
    }
}

fn compare(message: &Message, expected: &Json, line: &Line) -> Result<(), String> {
    let id = |name: &str| expected[name].as_str().unwrap().parse::<Uuid>().unwrap();
    let destination = if message.destination == Destination::Client { 1 } else { 2 };
    // SESSION_CAPABILITY is SessionCapability here.
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let name = plain(&format!("{:?}", message.message_type));
    let body = String::from_utf8(message.body.clone()).map_err(|error| error.to_string())?;
    let text = match expected["clixml"].as_str() {
        Some(text) => text == body,
        None => {
            let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
            expected["clixml_sha256"] == hash.as_str()
        }
    };
    let checks = [
        ("line", expected["line"] == line.n),
        ("destination", expected["destination"] == destination),
        ("type", plain(expected["type_name"].as_str().unwrap()) == name),
        ("rpid", id("rpid") == message.pool_id),
        ("pid", id("pid") == message.pipeline_id),
        ("bom", expected["bom"].as_bool() == Some(!message.body.is_empty())),
        ("clixml", text),
    ];
    match checks.iter().find(|(_, agrees)| !agrees) {
        None => Ok(()),
        Some((what, _)) => Err(format!("{name}: {what} differs")),
    }
}

/// The type of a name as the recordings write it, `SESSION_CAPABILITY`.
pub fn message_type(name: &str) -> Option<MessageType> {
    let plain = name.replace('_', "").to_lowercase();
    let all = (0x0001_0000..0x0001_0010).chain(0x0002_1000..0x0002_1110).chain(0x0004_1000..0x0004_1110);
    all.map(MessageType::from_number).find(|it| format!("{it:?}").to_lowercase() == plain)
}
