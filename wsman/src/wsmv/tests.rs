use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::soap::ns;
use crate::xml::Limits;

const SENT: &str = "uuid:F249DBE7-0E83-4F39-AE4A-28324CF61227";
const OWN: &str = "uuid:B33F9E2C-03F6-4852-8C42-DF9F010F9C5F";

fn header() -> RequestHeader {
    RequestHeader { resource_uri: CMD_RESOURCE_URI.to_owned(), ..RequestHeader::new("http://h/wsman", SENT) }
}

fn served(text: &str) -> (RequestHeader, Request) {
    match read_request(text.as_bytes(), &Limits::default()).unwrap() {
        Incoming::Operation { header, request } => (*header, request),
        Incoming::Identify(_) => panic!("no Identify was sent"),
    }
}

fn answered<V: Verb>(text: &str) -> Result<V::Response, ResponseError> {
    read_response::<V>(text.as_bytes(), SENT, &Limits::default())
}

/// Writes, reads, compares.
fn answer_survives<V: Verb>(response: V::Response)
where
    V::Response: PartialEq + std::fmt::Debug,
{
    assert_eq!(answered::<V>(&write_response(&response, OWN, SENT)), Ok(response));
}

#[test]
fn ids_are_upper_case() {
    let id = uuid::uuid!("f249dbe7-0e83-4f39-ae4a-28324cf61227");
    assert_eq!(message_id(id), SENT);
    assert_eq!(upper_case_id(id), SENT["uuid:".len()..]);
}

#[test]
fn durations_are_read_as_servers_write_them() {
    let read = [
        ("PT20S", Some(Duration::from_secs(20))),
        ("PT60.000S", Some(Duration::from_secs(60))),
        ("PT2147483.647S", Some(Duration::from_millis(2_147_483_647))),
        ("P0DT0H0M0S", Some(Duration::ZERO)),
        ("P1DT2H3M4.5S", Some(Duration::from_millis(93_784_500))),
        ("PT2H", Some(Duration::from_secs(7200))),
        ("PT0.0000000001S", Some(Duration::ZERO)),
    ];
    for (text, expected) in read {
        assert_eq!(parse_duration(text), expected, "{text}");
    }
    for text in [
        "",
        "P",
        "PT",
        "PT-1S",
        "-PT1S",
        "PT+1S",
        "PT1.S",
        "PT1,5S",
        "20",
        "PT1S2M",
        "P1Y",
        "PT99999999999999999999S",
        "PT1Sx",
    ] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
    assert_eq!(write_duration(Duration::from_secs(20)), "PT20S");
    assert_eq!(write_duration(Duration::from_millis(1500)), "PT1.500S");
}

#[test]
fn the_codes_of_other_notations_are_the_same() {
    // Pairs of the decimal and the signed form as Microsoft's own sources have them.
    for (text, code) in [
        ("2150858793", FaultCode::OPERATION_TIMEDOUT),
        ("0x80338029", FaultCode::OPERATION_TIMEDOUT),
        ("-2144108453", FaultCode::UNEXPECTED_SELECTORS),
        ("2150858843", FaultCode::UNEXPECTED_SELECTORS),
        ("-2144108485", FaultCode::INVALID_RESOURCE_URI),
        ("2150858811", FaultCode::INVALID_RESOURCE_URI),
        ("-2144108542", FaultCode::INVALID_URI),
        ("-2144108135", FaultCode::REDIRECT_REQUESTED),
        ("-2144108105", FaultCode::REDIRECT_LOCATION_INVALID),
        ("-2144108083", FaultCode::IN_USE_CANNOT_RECONNECT),
        ("-2144108090", FaultCode::CANNOT_CONNECT_MISMATCH),
        ("-2144108318", FaultCode::CLIENT_KERBEROS_DISABLED),
        ("-2144108316", FaultCode::SERVER_NOT_TRUSTED),
        ("-2144108276", FaultCode::WORKGROUP_NO_KERBEROS),
        ("-2144108101", FaultCode::CANNOT_USE_IP),
        ("-2144108526", FaultCode::CANNOT_CONNECT),
        ("-2144108080", FaultCode::CANNOT_CONNECT_INVALID),
        ("-2146893053", FaultCode::SEC_E_TARGET_UNKNOWN),
        ("2150859173", FaultCode::QUOTA_MAX_SHELLS),
        ("2150858824", FaultCode::MAX_ENVELOPE_SIZE_EXCEEDED),
        ("2150858805", FaultCode::ENCODING_LIMIT),
        ("2150858817", FaultCode::SCHEMA_VALIDATION_ERROR),
        ("2150858767", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("2152992672", FaultCode::EXCHANGE_AUTHZ_DENIED),
        (" 995 ", FaultCode::OPERATION_ABORTED),
    ] {
        assert_eq!(FaultCode::parse(text), Some(code));
    }
    assert_eq!(FaultCode::parse("5x"), None);
    assert_eq!(FaultCode(7).to_string(), "7");
    assert_eq!(FaultCode::OPERATION_ABORTED.to_string(), "995 (OPERATION_ABORTED)");
    assert!(
        FaultCode::UNEXPECTED_SELECTORS.is_shell_gone() && FaultCode::CANCELLED.is_expected_while_closing()
    );
    assert!(FaultCode::QUOTA_MAX_COMMANDS_PER_SHELL_PPQ.is_quota() && !FaultCode(0x8033_81EB).is_quota());
}

#[test]
fn stopping_a_pipeline_uses_the_misspelt_word() {
    let text = write_request(&header(), &Signal::new("A", SignalCode::StopPipeline));
    assert!(text.contains(">powershell/signal/crtl_c<"), "{text}");
    let other = text.replace("crtl_c", "ctrl_c");
    let Request::Signal(signal) = served(&other).1 else { panic!("a signal") };
    assert_eq!(signal.code, SignalCode::Other("powershell/signal/ctrl_c".to_owned()));
    let lower =
        write_request(&header(), &Signal::new("A", SignalCode::Terminate)).replace("Terminate", "terminate");
    let Request::Signal(signal) = served(&lower).1 else { panic!("a signal") };
    assert_eq!(signal.code, SignalCode::Terminate);
}

#[test]
fn a_command_of_one_space_stays_one() {
    let command = Command { command: " ".to_owned(), ..Command::pipeline("A", b"xyz") };
    let (_, request) = served(&write_request(&header(), &command));
    let Request::Command(read) = request else { panic!("a command") };
    assert_eq!((read.command.as_str(), read.fragments().unwrap().as_slice()), (" ", &b"xyz"[..]));
}

#[test]
fn an_answer_to_another_message_is_refused() {
    let text = write_response(&DeleteResponse, OWN, OWN);
    assert!(matches!(answered::<Delete>(&text), Err(ResponseError::NotOurs { .. })));
    let text = write_response(&SendResponse, OWN, SENT);
    assert!(matches!(answered::<Delete>(&text), Err(ResponseError::UnexpectedAction { .. })));
    // A fault that relates to nothing is still a fault; one that relates to another message is not ours.
    let fault = FaultKind::InvalidMessage.fault("");
    assert!(answered::<Delete>(&write_fault(&fault, OWN, None)).unwrap_err().fault().is_some());
    assert!(matches!(
        answered::<Delete>(&write_fault(&fault, OWN, Some(OWN))),
        Err(ResponseError::NotOurs { .. })
    ));
}

#[test]
fn output_that_looks_like_a_fault_is_output() {
    let text = "</rsp:Stream><s:Fault><s:Code>Fault> EndOfSequence";
    let stream = Stream { name: text.to_owned(), data: text.as_bytes().to_vec(), ..Stream::default() };
    answer_survives::<Receive>(ReceiveResponse { streams: vec![stream], state: None });
    let nested = format!(
        "<s:Envelope xmlns:s='{}' xmlns:a='{}' xmlns:r='{}'><s:Header><a:Action>{}</a:Action><a:RelatesTo>{SENT}</a:RelatesTo></s:Header>\
         <s:Body><r:ReceiveResponse><s:Fault/><r:Stream Name='stdout'>\r\n AA\n A= </r:Stream></r:ReceiveResponse></s:Body></s:Envelope>",
        ns::SOAP,
        ns::ADDRESSING,
        ns::SHELL,
        ReceiveResponse::ACTION
    );
    assert_eq!(answered::<Receive>(&nested).unwrap().streams[0].data, [0, 0]);
    let bad = nested.replace("AA\n", "A!\n");
    assert_eq!(answered::<Receive>(&bad), Err(ResponseError::Malformed(MalformedMessage::Base64("Stream"))));
}

#[test]
fn f71_what_exchange_puts_before_its_texts_is_taken_apart() {
    let text = "[ClientAccessServer=EX01,BackEndServer=ex02.contoso.com,RequestId=5b5c9a1e-0000-4000-8000-000000000001,\
                TimeStamp=Monday, 4 April 2016 14:04:00] [FailureCategory=WSMan-InvalidShellID] The shell [A=1] was not found.";
    let (found, rest) = ExchangeDiagnostics::split(text).unwrap();
    assert_eq!(rest, "The shell [A=1] was not found.");
    assert_eq!(found.client_access_server.as_deref(), Some("EX01"));
    assert_eq!(found.back_end_server.as_deref(), Some("ex02.contoso.com"));
    assert_eq!(found.request_id.as_deref(), Some("5b5c9a1e-0000-4000-8000-000000000001"));
    assert_eq!(found.time_stamp.as_deref(), Some("Monday, 4 April 2016 14:04:00"));
    assert_eq!(found.failure_category.as_deref(), Some("WSMan-InvalidShellID"));
    for plain in ["", "text", "[text] more", "[A=1", "[=x] y", "[a b=c] d"] {
        assert_eq!(ExchangeDiagnostics::split(plain), None, "{plain}");
    }
    let fault = WsmanFault { code: Some(FaultCode(1)), message: text.to_owned(), ..WsmanFault::default() };
    assert!(fault.is_shell_gone());
    assert_eq!(fault.text(), "The shell [A=1] was not found.");
}

#[test]
fn f65_f75_throttling_is_known_by_its_text() {
    for text in [
        "[Server=EX01] [FailureCategory=AuthZ-AuthorizationException] Fail to create a runspace because you have exceeded the \
         maximum number of connections allowed : 3 for the policy party : MaxConcurrency",
        "The system load quota of 1000 requests per 2 seconds has been exceeded. The next request from this user will not be \
         approved for at least 4294967295 milliseconds.",
    ] {
        let refused = WsmanFault {
            code: Some(FaultCode::EXCHANGE_AUTHZ_DENIED),
            message: text.to_owned(),
            ..WsmanFault::default()
        };
        assert!(refused.is_quota() && !refused.is_access_denied() && !refused.is_shell_gone(), "{text}");
    }
    let denied = WsmanFault { code: Some(FaultCode::EXCHANGE_AUTHZ_DENIED), ..WsmanFault::default() };
    assert!(denied.is_access_denied() && !denied.is_quota());
}

#[test]
fn f69_f73_a_fault_shows_code_text_and_provider() {
    let text = format!(
        "<s:Envelope xmlns:s='{}'><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text/></s:Reason>\
         <s:Detail><f:WSManFault xmlns:f='{}' Code='2' Machine='ex01'><f:Message><f:ProviderFault provider='microsoft.powershell' \
         path='pwrshplugin.dll'><f:WSManFault Code='1359' Machine='ex01'><f:Message>The plugin host process failed.</f:Message>\
         </f:WSManFault></f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>",
        ns::SOAP,
        ns::FAULT
    );
    let error = answered::<Receive>(&text).unwrap_err().to_string();
    for part in ["The plugin host process failed.", "WSManFault 2", "microsoft.powershell", "1359"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn f66_an_empty_fault_is_still_a_sentence() {
    let text = format!("<s:Envelope xmlns:s='{}'><s:Body><s:Fault/></s:Body></s:Envelope>", ns::SOAP);
    let error = answered::<Get>(&text).unwrap_err();
    assert_eq!(error.to_string(), "the server refused without a reason");
    assert_eq!(error.fault(), Some(&WsmanFault::default()));
}

#[test]
fn a_server_refuses_what_it_cannot_read() {
    let good = write_request(&header(), &Receive::pool());
    let refused = |text: &str| {
        let error = read_request(text.as_bytes(), &Limits::default()).unwrap_err();
        let fault = error.fault();
        // Every refusal can be written, and read by the client.
        let written = write_fault(&fault, OWN, error.message_id.as_deref());
        assert_eq!(answered::<Receive>(&written).unwrap_err().fault(), Some(&fault));
        (error.message_id, fault.subcode_name().map(str::to_owned), fault.soap_code)
    };
    let named = Some(SENT.to_owned());
    let subcode = |name: &str| Some(name.to_owned());
    let sender = "s:Sender".to_owned();
    assert_eq!(refused("plain text"), (None, subcode("SchemaValidationError"), sender.clone()));
    assert_eq!(
        refused(&good.replace("shell/Receive", "shell/Deceive")),
        (named.clone(), subcode("ActionNotSupported"), sender.clone())
    );
    assert_eq!(
        refused(&good.replace("PT20S", "PT-1S")),
        (named.clone(), subcode("InvalidMessageInformationHeader"), sender.clone())
    );
    assert_eq!(
        refused(&good.replace("rsp:DesiredStream", "rsp:Other")),
        (named.clone(), subcode("SchemaValidationError"), sender.clone())
    );
    assert_eq!(
        refused(&good.replace("wsman:ResourceURI", "wsman:Elsewhere")),
        (named, None, "s:MustUnderstand".to_owned())
    );
    assert_eq!(refused(&good.replace(SENT, "")), (None, subcode("MessageInformationHeaderRequired"), sender));
}

#[test]
fn every_fault_of_ours_keeps_its_code() {
    for kind in [
        FaultKind::InvalidResourceUri,
        FaultKind::InvalidSelectors,
        FaultKind::OperationTimeout,
        FaultKind::AccessDenied,
        FaultKind::ShellQuota,
        FaultKind::OperationQuota,
        FaultKind::CommandQuota,
        FaultKind::EncodingLimit,
        FaultKind::InvalidMessage,
        FaultKind::ActionNotSupported,
        FaultKind::MustUnderstand,
        FaultKind::HeaderRequired,
        FaultKind::InvalidHeader,
        FaultKind::OperationAborted,
        FaultKind::InternalError,
    ] {
        let mut fault = kind.fault("more & <more>");
        fault.machine = Some("EX01".to_owned());
        let error = answered::<Receive>(&write_fault(&fault, OWN, Some(SENT))).unwrap_err();
        assert_eq!(error.fault(), Some(&fault));
        assert_eq!(fault.is_poll_again(), kind == FaultKind::OperationTimeout);
        assert_eq!(fault.is_shell_gone(), kind == FaultKind::InvalidSelectors);
        assert_eq!(
            fault.is_quota(),
            matches!(kind, FaultKind::ShellQuota | FaultKind::OperationQuota | FaultKind::CommandQuota)
        );
        assert_eq!(fault.is_too_large(), kind == FaultKind::EncodingLimit);
        assert_eq!(fault.is_access_denied(), kind == FaultKind::AccessDenied);
    }
}

#[test]
fn identify_goes_both_ways() {
    let asked = read_request(Identify.to_xml().as_bytes(), &Limits::default());
    assert_eq!(asked, Ok(Incoming::Identify(Identify)));
    let answer = IdentifyResponse {
        protocol_version: ns::WSMAN.to_owned(),
        product_vendor: Some("Microsoft Corporation".to_owned()),
        product_version: None,
    };
    assert_eq!(IdentifyResponse::parse(answer.to_xml().as_bytes(), &Limits::default()), Ok(answer));
}

#[test]
fn a_full_envelope_is_as_large_as_allowed_and_no_larger() {
    let header = RequestHeader { selectors: SelectorSet::shell(&SENT[5..]), ..header() };
    for max in [8192, 153_600, 512_000] {
        let room = payload_room(max, &header, &Send::new("stdin", Some(&SENT[5..]), Vec::new()));
        let full = write_request(&header, &Send::new("stdin", Some(&SENT[5..]), vec![0xA5; room]));
        assert!(full.len() <= max && full.len() > max - 300, "{} of {max}", full.len());
    }
    assert_eq!(max_raw_bytes(100, 200), 0);
}

/// Texts whose ends are no white space, which a reader takes off.
fn text() -> impl Strategy<Value = String> {
    "[^\\s\\p{C}]|[^\\s\\p{C}]\\PC{0,20}[^\\s\\p{C}]"
}

fn duration() -> impl Strategy<Value = Duration> {
    (0u64..1_000_000_000).prop_map(Duration::from_millis)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

fn stream() -> impl Strategy<Value = Stream> {
    (text(), of(text()), any::<bool>(), bytes()).prop_map(|(name, command_id, end, data)| Stream {
        name,
        command_id,
        end,
        data,
    })
}

fn shell() -> impl Strategy<Value = Shell> {
    (of(text()), of(text()), of(any::<u32>()), of(duration()), vec(text(), 0..3)).prop_map(
        |(shell_id, owner, process_id, idle_time_out, others)| Shell {
            shell_id,
            environment: owner.iter().map(|text| (text.clone(), text.clone())).collect(),
            owner,
            process_id,
            idle_time_out,
            others: others.into_iter().map(|text| ("Locale".to_owned(), text)).collect(),
            ..Shell::default()
        },
    )
}

fn request_header() -> impl Strategy<Value = RequestHeader> {
    let options = vec((text(), text(), any::<bool>()), 0..3);
    let locale = of((text(), text()).prop_map(|(text, data)| Locale { text, data }));
    (
        text(),
        text(),
        of(any::<u32>()),
        of(duration()),
        locale,
        of(text()),
        options,
        vec((text(), text()), 0..3),
    )
        .prop_map(|(to, message_id, size, timeout, locale, session_id, options, selectors)| {
            RequestHeader {
                max_envelope_size: size,
                operation_timeout: timeout,
                locale,
                operation_id: session_id.clone(),
                session_id,
                resource_uri: to.clone(),
                options: options
                    .into_iter()
                    .map(|(name, value, must_comply)| WsmanOption { name, value, must_comply })
                    .collect(),
                selectors: SelectorSet(
                    selectors.into_iter().map(|(name, value)| Selector { name, value }).collect(),
                ),
                ..RequestHeader::new(&to, &message_id)
            }
        })
}

fn request() -> impl Strategy<Value = Request> {
    let create = (
        (of(text()), of(text()), text(), text(), of(duration())),
        (of(duration()), of(text()), vec((text(), "\\PC{0,9}"), 0..3), of(bytes())),
    );
    let create =
        create.prop_map(|((shell_id, name, input, output, idle), (lifetime, folder, environment, xml))| {
            Request::Create(Create {
                shell_id,
                name,
                input_streams: input,
                output_streams: output,
                idle_time_out: idle,
                lifetime,
                working_directory: folder,
                environment,
                creation_xml: xml,
            })
        });
    let command = (of(text()), "\\PC{0,30}", vec("\\PC{0,30}", 0..4));
    let code = prop_oneof![
        Just(SignalCode::Terminate),
        Just(SignalCode::StopPipeline),
        Just(SignalCode::CtrlC),
        Just(SignalCode::CtrlBreak),
        text().prop_map(SignalCode::Other),
    ];
    prop_oneof![
        create,
        command.prop_map(|(command_id, command, arguments)| Request::Command(Command {
            command_id,
            command,
            arguments
        })),
        vec(stream(), 0..4).prop_map(|streams| Request::Send(Send { streams })),
        (of(text()), text())
            .prop_map(|(command_id, streams)| Request::Receive(Receive { command_id, streams })),
        (of(text()), code).prop_map(|(command_id, code)| Request::Signal(Signal { command_id, code })),
        (of(text()), of(bytes()))
            .prop_map(|(command_id, connect_xml)| Request::Connect(Connect { command_id, connect_xml })),
        Just(Request::Delete(Delete)),
        Just(Request::Get(Get)),
        Just(Request::Disconnect(Disconnect)),
        Just(Request::Reconnect(Reconnect)),
        Just(Request::Enumerate(Enumerate::default())),
    ]
}

fn written(header: &RequestHeader, request: &Request) -> String {
    match request {
        Request::Create(verb) => write_request(header, verb),
        Request::Command(verb) => write_request(header, verb),
        Request::Send(verb) => write_request(header, verb),
        Request::Receive(verb) => write_request(header, verb),
        Request::Signal(verb) => write_request(header, verb),
        Request::Delete(verb) => write_request(header, verb),
        Request::Get(verb) => write_request(header, verb),
        Request::Disconnect(verb) => write_request(header, verb),
        Request::Reconnect(verb) => write_request(header, verb),
        Request::Connect(verb) => write_request(header, verb),
        Request::Enumerate(verb) => write_request(header, verb),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_request_survives(header in request_header(), request in request()) {
        prop_assert_eq!(served(&written(&header, &request)), (header, request));
    }

    #[test]
    fn every_response_survives(
        streams in vec(stream(), 0..4),
        id in text(),
        exit_code in of(any::<i64>()),
        shells in vec(shell(), 0..3),
        payload in of(bytes()),
        complete in any::<bool>(),
    ) {
        for state in [CommandState::Running, CommandState::Pending, CommandState::Done, CommandState::Other(id.clone())] {
            let state = StateOfCommand { command_id: Some(id.clone()), state, exit_code };
            answer_survives::<Receive>(ReceiveResponse { streams: streams.clone(), state: Some(state) });
        }
        answer_survives::<Command>(CommandResponse { command_id: id.clone() });
        answer_survives::<Create>(CreateResponse {
            address: Some(id.clone()),
            resource_uri: Some(id.clone()),
            selectors: SelectorSet::shell(&id),
            shell: shells.first().cloned(),
        });
        if let Some(shell) = shells.first() {
            answer_survives::<Get>(GetResponse::Shell(shell.clone()));
        }
        answer_survives::<Connect>(ConnectResponse {
            input_streams: Some(id.clone()),
            output_streams: None,
            connect_response_xml: payload,
        });
        answer_survives::<Enumerate>(EnumerateResponse { shells, others: Vec::new(), complete });
        answer_survives::<Send>(SendResponse);
        answer_survives::<Signal>(SignalResponse);
        answer_survives::<Delete>(DeleteResponse);
        answer_survives::<Disconnect>(DisconnectResponse);
        answer_survives::<Reconnect>(ReconnectResponse);
    }

    #[test]
    fn durations_survive(duration in duration()) {
        prop_assert_eq!(parse_duration(&write_duration(duration)), Some(duration));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,60}|P[0-9DT]{0,9}[0-9.HMS]{0,12}|\\[[A-Za-z=,\\]\\[ ]{0,40}") {
        let _ = parse_duration(&text);
        let _ = FaultCode::parse(&text);
        let _ = ExchangeDiagnostics::split(&text);
    }

    /// A damaged message is read or refused.
    #[test]
    fn no_damage_makes_a_reader_panic(header in request_header(), request in request(), at in 0usize..4000, byte in any::<u8>()) {
        let mut bytes = written(&header, &request).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read_request(&bytes, &Limits::default());
        let _ = read_request(&bytes[..at], &Limits::default());
    }
}
