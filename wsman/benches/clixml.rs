//! How fast objects are read: 10,000 mailboxes of the shape that Exchange 2016 sends them in, one message each.
//!
//! In one run over the same bytes: reading with the [`Decoder`] that a pipeline uses, which yields owned values with
//! escapes resolved, and quick-xml's bare events, which is the limit for a reader on top of it.
//! `cargo bench -p wsman --bench clixml`
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use wsman::clixml::{Decoder, Value};

const MAILBOXES: usize = 10_000;
const ROUNDS: usize = 5;
/// As many as the one published object of Exchange 2016 CU23 has.
const PROPERTIES: usize = 228;

fn main() {
    // `cargo test --benches` runs this too: a few objects show that it works.
    let bench = std::env::args().any(|argument| argument == "--bench");
    let messages: Vec<Vec<u8>> = (0..if bench { MAILBOXES } else { 10 }).map(mailbox).collect();
    let size: usize = messages.iter().map(Vec::len).sum();
    println!(
        "{} mailboxes, {:.1} MB, {} properties each, {} bytes on average",
        messages.len(),
        size as f64 / 1e6,
        PROPERTIES,
        size / messages.len()
    );
    let rounds = if bench { ROUNDS } else { 1 };
    let decoding = best(rounds, || decode_all(&messages));
    let kept = best(rounds, || keep_all(&messages));
    let events = best(rounds, || events_of_all(&messages));
    let rate = |time: Duration| size as f64 / 1e6 / time.as_secs_f64();
    println!("Decoder, owned values:                {:7.1} MB/s", rate(decoding));
    println!("Decoder, all values kept in memory:   {:7.1} MB/s", rate(kept));
    println!("quick-xml 0.42, bare events:          {:7.1} MB/s", rate(events));
    println!("ratio of the Decoder to the events:   {:7.3}", rate(decoding) / rate(events));
}

fn best(rounds: usize, mut run: impl FnMut()) -> Duration {
    let measure = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..rounds).map(measure).min().unwrap_or_default()
}

/// As a consumer of a pipeline's output does it: read one, look at it, drop it.
fn decode_all(messages: &[Vec<u8>]) {
    let mut decoder = Decoder::default();
    for message in messages {
        let value = decoder.decode(message).unwrap();
        assert_eq!(
            value.object().map(|object| object.adapted.len() + object.extended.len()),
            Some(PROPERTIES)
        );
        black_box(value);
    }
}

fn keep_all(messages: &[Vec<u8>]) {
    let mut decoder = Decoder::default();
    let values: Vec<Value> = messages.iter().map(|message| decoder.decode(message).unwrap()).collect();
    black_box(values);
}

fn events_of_all(messages: &[Vec<u8>]) {
    for message in messages {
        let mut reader = quick_xml::Reader::from_reader(message.as_slice());
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                event => {
                    black_box(event);
                }
            }
        }
    }
}

/// The base types of a mailbox, most derived first.
const TYPES: [&str; 8] = [
    "Microsoft.Exchange.Data.Directory.Management.Mailbox",
    "Microsoft.Exchange.Data.Directory.Management.MailEnabledOrgPerson",
    "Microsoft.Exchange.Data.Directory.Management.MailEnabledRecipient",
    "Microsoft.Exchange.Data.Directory.Management.ADPresentationObject",
    "Microsoft.Exchange.Data.Directory.ADObject",
    "Microsoft.Exchange.Data.Directory.ADRawEntry",
    "Microsoft.Exchange.Data.ConfigurableObject",
    "System.Object",
];

/// The type names of a list by its number in [`SHAPE`].
fn lists(kind: usize) -> Vec<String> {
    const DIRECTORY: &str = "Microsoft.Exchange.Data.Directory, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35";
    const EXCHANGE: &str =
        "Microsoft.Exchange.Data, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35";
    const MSCORLIB: &str = "mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089";
    let multi = |item: &str| {
        vec![
            format!("Microsoft.Exchange.Data.MultiValuedProperty`1[[{item}]]"),
            "Microsoft.Exchange.Data.MultiValuedPropertyBase".to_owned(),
            "System.Object".to_owned(),
        ]
    };
    let directory = |class: &str| {
        let item = format!("Microsoft.Exchange.Data.Directory.{class}, {DIRECTORY}");
        let own = format!("Microsoft.Exchange.Data.Directory.ADMultiValuedProperty`1[[{item}]]");
        [vec![own], multi(&item)].concat()
    };
    match kind {
        1 => directory("MailboxProvisioningConstraint"),
        2 => {
            let item = format!("Microsoft.Exchange.Data.Directory.IMailboxLocationInfo, {DIRECTORY}");
            vec![format!("System.Collections.Generic.List`1[[{item}]]"), "System.Object".to_owned()]
        }
        3 => multi(&format!("System.Guid, {MSCORLIB}")),
        4 => multi(&format!("System.Globalization.CultureInfo, {MSCORLIB}")),
        7 => multi(&format!("System.Byte[], {MSCORLIB}")),
        8 => directory("Capability"),
        9 => directory("MailboxAuditOperations"),
        10 => directory("ADObjectId"),
        11 => {
            let item = format!("Microsoft.Exchange.Data.ProxyAddress, {EXCHANGE}");
            let own = "Microsoft.Exchange.Data.ProxyAddressCollection".to_owned();
            let base = format!("Microsoft.Exchange.Data.ProxyAddressBaseCollection`1[[{item}]]");
            [vec![own, base], multi(&item)].concat()
        }
        _ => multi(&format!("System.String, {MSCORLIB}")),
    }
}

/// The message of one mailbox, with the byte order mark.
fn mailbox(number: usize) -> Vec<u8> {
    let mut out = String::from("\u{FEFF}<Obj RefId=\"0\"><TN RefId=\"0\">");
    for name in TYPES {
        write!(out, "<T>{name}</T>").unwrap();
    }
    write!(out, "</TN><ToString>User {number}</ToString><Props>").unwrap();
    let mut known = Vec::new();
    let mut objects = 0;
    for (at, property) in SHAPE.split_ascii_whitespace().enumerate() {
        let (name, shape) = property.split_once(':').unwrap();
        match shape.split_at(1) {
            ("S", length) => {
                write!(out, "<S N=\"{name}\">{}</S>", text(number, at, length.parse().unwrap())).unwrap();
            }
            ("B", _) => write!(out, "<B N=\"{name}\">{}</B>", (number + at).is_multiple_of(3)).unwrap(),
            ("D", _) => {
                let second = number % 60;
                write!(out, "<DT N=\"{name}\">2026-01-02T03:04:{second:02}+01:00</DT>").unwrap();
            }
            ("G", _) => write!(out, "<G N=\"{name}\">{:032x}</G>", number * 1000 + at).unwrap(),
            ("L", list) => {
                let (kind, items) = list.split_once('.').unwrap();
                let kind: usize = kind.parse().unwrap();
                objects += 1;
                write!(out, "<Obj N=\"{name}\" RefId=\"{objects}\">").unwrap();
                match known.iter().position(|other| *other == kind) {
                    Some(place) => write!(out, "<TNRef RefId=\"{}\" />", place + 1).unwrap(),
                    None => {
                        known.push(kind);
                        write!(out, "<TN RefId=\"{}\">", known.len()).unwrap();
                        for name in lists(kind) {
                            write!(out, "<T>{name}</T>").unwrap();
                        }
                        out.push_str("</TN>");
                    }
                }
                match items.parse::<usize>().unwrap() {
                    0 => out.push_str("<LST />"),
                    items => {
                        out.push_str("<LST>");
                        for item in 0..items {
                            write!(out, "<S>{}</S>", text(number, item, 28)).unwrap();
                        }
                        out.push_str("</LST>");
                    }
                }
                out.push_str("</Obj>");
            }
            _ => write!(out, "<Nil N=\"{name}\" />").unwrap(),
        }
    }
    out.push_str("</Props></Obj>");
    out.into_bytes()
}

/// A text of a length; one in fifty holds an escape, as names with line breaks or emoji do.
fn text(number: usize, at: usize, length: usize) -> String {
    if length == 0 {
        return String::new();
    }
    let escape = if (number + at).is_multiple_of(50) && length > 10 { "_x000A_" } else { "" };
    let start = format!("{number}-{at}{escape}");
    let rest = "abcdefghij klmnop.qrstuv@wxyz-example".chars().cycle();
    start.chars().chain(rest).take(length.max(start.len())).collect()
}

/// Name and shape of every property: `S` a text of so many characters, `B` a truth value, `-` null, `D` a date,
/// `G` a GUID, `L` a list: its type in [`lists`] and how many texts.
const SHAPE: &str = "\
Database:S10 MailboxProvisioningConstraint:- MailboxRegion:- MailboxRegionLastUpdateTime:- \
MessageCopyForSentAsEnabled:B MessageCopyForSendOnBehalfEnabled:B MailboxProvisioningPreferences:L1.0 \
UseDatabaseRetentionDefaults:B RetainDeletedItemsUntilBackup:B DeliverToMailboxAndForward:B \
IsExcludedFromServingHierarchy:B IsHierarchyReady:B IsHierarchySyncEnabled:B HasSnackyAppData:B \
LitigationHoldEnabled:B SingleItemRecoveryEnabled:B RetentionHoldEnabled:B EndDateForRetentionHold:- \
StartDateForRetentionHold:- RetentionComment:S0 RetentionUrl:S0 LitigationHoldDate:- \
LitigationHoldOwner:S0 ElcProcessingDisabled:B ComplianceTagHoldApplied:B WasInactiveMailbox:B \
DelayHoldApplied:B InactiveMailboxRetireTime:- OrphanSoftDeleteTrackingTime:- LitigationHoldDuration:S9 \
ManagedFolderMailboxPolicy:- RetentionPolicy:- AddressBookPolicy:- CalendarRepairDisabled:B \
ExchangeGuid:G MailboxContainerGuid:- UnifiedMailbox:- MailboxLocations:L2.1 AggregatedMailboxGuids:L3.0 \
ExchangeSecurityDescriptor:S51 ExchangeUserAccountControl:S4 AdminDisplayVersion:S27 \
MessageTrackingReadStatusEnabled:B ExternalOofOptions:S8 ForwardingAddress:- ForwardingSmtpAddress:- \
RetainDeletedItemsFor:S11 IsMailboxEnabled:B Languages:L4.1 OfflineAddressBook:- ProhibitSendQuota:S9 \
ProhibitSendReceiveQuota:S9 RecoverableItemsQuota:S28 RecoverableItemsWarningQuota:S28 \
CalendarLoggingQuota:S26 DowngradeHighPriorityMessagesEnabled:B ProtocolSettings:L6.1 RecipientLimits:S9 \
ImListMigrationCompleted:B SiloName:- IsResource:B IsLinked:B IsShared:B IsRootPublicFolderMailbox:B \
LinkedMasterAccount:S0 ResetPasswordOnNextLogon:B ResourceCapacity:- ResourceCustom:L6.0 ResourceType:- \
RoomMailboxAccountEnabled:- SamAccountName:S13 SCLDeleteThreshold:- SCLDeleteEnabled:- \
SCLRejectThreshold:- SCLRejectEnabled:- SCLQuarantineThreshold:- SCLQuarantineEnabled:- \
SCLJunkThreshold:- SCLJunkEnabled:- AntispamBypassEnabled:B ServerLegacyDN:S114 ServerName:S10 \
UseDatabaseQuotaDefaults:B IssueWarningQuota:S9 RulesQuota:S22 Office:S0 UserPrincipalName:S22 \
UMEnabled:B MaxSafeSenders:- MaxBlockedSenders:- NetID:- ReconciliationId:- WindowsLiveID:S0 \
MicrosoftOnlineServicesID:S0 ThrottlingPolicy:- RoleAssignmentPolicy:S30 DefaultPublicFolderMailbox:- \
EffectivePublicFolderMailbox:- SharingPolicy:S22 RemoteAccountPolicy:- MailboxPlan:- ArchiveDatabase:- \
ArchiveGuid:G ArchiveName:L6.0 JournalArchiveAddress:S0 ArchiveQuota:S30 ArchiveWarningQuota:S28 \
ArchiveDomain:- ArchiveStatus:S4 ArchiveState:S4 AutoExpandingArchiveEnabled:B DisabledMailboxLocations:B \
RemoteRecipientType:S4 DisabledArchiveDatabase:- DisabledArchiveGuid:G QueryBaseDN:- \
QueryBaseDNRestrictionEnabled:B MailboxMoveTargetMDB:- MailboxMoveSourceMDB:- MailboxMoveFlags:S4 \
MailboxMoveRemoteHostName:S0 MailboxMoveBatchName:S0 MailboxMoveStatus:S4 MailboxRelease:S0 \
ArchiveRelease:S0 IsPersonToPersonTextMessagingEnabled:B IsMachineToPersonTextMessagingEnabled:B \
UserSMimeCertificate:L7.0 UserCertificate:L7.0 CalendarVersionStoreDisabled:B ImmutableId:S0 \
PersistedCapabilities:L8.0 SKUAssigned:- AuditEnabled:B AuditLogAgeLimit:S11 AuditAdmin:L9.9 \
AuditDelegate:L9.5 AuditOwner:L9.0 WhenMailboxCreated:D SourceAnchor:S0 UsageLocation:- \
IsSoftDeletedByRemove:B IsSoftDeletedByDisable:B IsInactiveMailbox:B IncludeInGarbageCollection:B \
WhenSoftDeleted:- InPlaceHolds:L6.0 GeneratedOfflineAddressBooks:L10.0 AccountDisabled:B \
StsRefreshTokensValidFrom:- DataEncryptionPolicy:- DisableThrottling:B Extensions:L6.0 HasPicture:B \
HasSpokenName:B IsDirSynced:B AcceptMessagesOnlyFrom:L10.0 AcceptMessagesOnlyFromDLMembers:L10.0 \
AcceptMessagesOnlyFromSendersOrMembers:L10.0 AddressListMembership:L10.5 AdministrativeUnits:L10.0 \
Alias:S13 ArbitrationMailbox:- BypassModerationFromSendersOrMembers:L10.0 OrganizationalUnit:S14 \
CustomAttribute1:S0 CustomAttribute10:S0 CustomAttribute11:S0 CustomAttribute12:S0 CustomAttribute13:S0 \
CustomAttribute14:S0 CustomAttribute15:S0 CustomAttribute2:S0 CustomAttribute3:S0 CustomAttribute4:S0 \
CustomAttribute5:S0 CustomAttribute6:S0 CustomAttribute7:S0 CustomAttribute8:S0 CustomAttribute9:S0 \
ExtensionCustomAttribute1:L6.0 ExtensionCustomAttribute2:L6.0 ExtensionCustomAttribute3:L6.0 \
ExtensionCustomAttribute4:L6.0 ExtensionCustomAttribute5:L6.0 DisplayName:S13 EmailAddresses:L11.1 \
GrantSendOnBehalfTo:L10.0 ExternalDirectoryObjectId:S0 HiddenFromAddressListsEnabled:B \
LastExchangeChangedTime:- LegacyExchangeDN:S128 MaxSendSize:S9 MaxReceiveSize:S9 ModeratedBy:L10.0 \
ModerationEnabled:B PoliciesIncluded:L6.2 PoliciesExcluded:L6.0 EmailAddressPolicyEnabled:B \
PrimarySmtpAddress:S22 RecipientType:S11 RecipientTypeDetails:S11 RejectMessagesFrom:L10.0 \
RejectMessagesFromDLMembers:L10.0 RejectMessagesFromSendersOrMembers:L10.0 \
RequireSenderAuthenticationEnabled:B SimpleDisplayName:S0 SendModerationNotifications:S6 UMDtmfMap:L6.3 \
WindowsEmailAddress:S22 MailTip:- MailTipTranslations:L6.0 Identity:S28 IsValid:B ExchangeVersion:S15 \
Name:S13 DistinguishedName:S40 Guid:G ObjectCategory:S36 ObjectClass:L6.4 WhenChanged:D WhenCreated:D \
WhenChangedUTC:D WhenCreatedUTC:D OrganizationId:S0 Id:S28 OriginatingServer:S13 ObjectState:S9";
