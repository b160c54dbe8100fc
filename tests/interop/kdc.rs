//! A realm of MIT Kerberos, or several, on loopback in a folder of their own; they end when dropped.
#![allow(dead_code, reason = "a harness has more than one test needs")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::{python, say};

const PACKAGES: [&str; 3] = ["krb5-kdc", "krb5-admin-server", "krb5-user"];
/// The account that every realm has, and its password.
pub const USER: &str = "anna";
pub const PASSWORD: &str = "Passw0rd! für alle";

/// How the KDCs are set up.
#[derive(Clone, Default)]
pub struct Options {
    /// Lines for every realm in `kdc.conf`, such as `max_life = 1m`.
    pub realm_lines: Vec<String>,
    /// Lines for `[kdcdefaults]`, such as `kdc_max_dgram_reply_size = 100`.
    pub default_lines: Vec<String>,
    /// Lines for `[libdefaults]` of `krb5.conf`, which KDCs read too.
    pub lib_lines: Vec<String>,
    /// The KDC's clock is ahead by this many seconds (libfaketime).
    pub ahead: Option<i64>,
    /// Every realm trusts every other one.
    pub trust: bool,
    /// Pairs of realms that trust each other.
    pub trusts: Vec<(&'static str, &'static str)>,
    /// Which hosts belong to which realm, for the KDCs: they refer clients to it.
    pub domain_realm: Vec<(&'static str, &'static str)>,
}

/// KDCs, their databases and their files.
pub struct Kdc {
    folder: TempDir,
    realms: Vec<Realm>,
}

struct Realm {
    name: String,
    port: u16,
    process: Option<Child>,
}

impl Kdc {
    /// One realm, `CONTOSO.TEST`, with [`USER`] in it; `None` where there is no KDC, after a line that says so.
    pub fn start() -> Option<Self> {
        Self::with(&["CONTOSO.TEST"], &Options::default())
    }

    /// Realms as wanted, each with [`USER`] in it.
    pub fn with(realms: &[&str], options: &Options) -> Option<Self> {
        if !is_there() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let realms =
            realms.iter().map(|name| Realm { name: (*name).into(), port: free_port(), process: None });
        let mut kdc = Self { folder, realms: realms.collect() };
        kdc.write_files(options);
        for index in 0..kdc.realms.len() {
            kdc.create(index, options);
        }
        kdc.trust_each_other(options);
        for index in 0..kdc.realms.len() {
            kdc.launch(index, options);
        }
        Some(kdc)
    }

    fn write_files(&self, options: &Options) {
        let folder = self.folder.path().display();
        let mut profile = format!("[kdcdefaults]\n{}\n[realms]\n", options.default_lines.join("\n"));
        let mut config = format!(
            "[libdefaults]\n default_realm = {}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n \
             dns_canonicalize_hostname = false\n forwardable = true\n {}\n[logging]\n kdc = FILE:{folder}/kdc.log\n[realms]\n",
            self.realms[0].name,
            options.lib_lines.join("\n ")
        );
        for Realm { name, port, .. } in &self.realms {
            let _ = write!(config, " {name} = {{\n  kdc = 127.0.0.1:{port}\n }}\n");
            let _ = write!(
                profile,
                " {name} = {{\n  database_name = {folder}/{name}.db\n  key_stash_file = {folder}/{name}.stash\n  \
                 acl_file = {folder}/acl\n  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n  \
                 max_life = 10h\n  max_renewable_life = 7d\n  default_principal_flags = +preauth,+renewable\n  \
                 supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n  {}\n }}\n",
                options.realm_lines.join("\n  ")
            );
        }
        config.push_str("[domain_realm]\n");
        for (host, realm) in &options.domain_realm {
            let _ = writeln!(config, " {host} = {realm}");
        }
        std::fs::write(self.file("krb5.conf"), config).unwrap();
        std::fs::write(self.file("kdc.conf"), profile).unwrap();
        std::fs::write(self.file("acl"), "").unwrap();
    }

    fn create(&self, index: usize, options: &Options) {
        let name = &self.realms[index].name;
        let mut command = Command::new("/usr/sbin/kdb5_util");
        self.faked(options, &mut command);
        run(self.environment(command.args(["-r", name, "-P", "master", "create", "-s"])), "");
        self.admin(name, &[&format!("addprinc -pw \"{PASSWORD}\" {USER}")]);
    }

    /// `krbtgt` of each of two realms in the other, with the same password on both sides.
    fn trust_each_other(&self, options: &Options) {
        let is_pair = |one: &str, other: &str| {
            options.trust || options.trusts.contains(&(one, other)) || options.trusts.contains(&(other, one))
        };
        for one in self.realms.iter().map(|realm| realm.name.as_str()) {
            for other in self.realms.iter().map(|realm| realm.name.as_str()) {
                if one == other || !is_pair(one, other) {
                    continue;
                }
                let lines = [(one, other), (other, one)]
                    .map(|(from, to)| format!("addprinc -pw trust-{from}-{to} krbtgt/{to}@{from}"));
                self.admin(one, &lines.each_ref().map(String::as_str));
            }
        }
    }

    fn launch(&mut self, index: usize, options: &Options) {
        let name = self.realms[index].name.clone();
        let mut command = Command::new("/usr/sbin/krb5kdc");
        self.faked(options, &mut command);
        command.args(["-n", "-r", &name]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = self.environment(&mut command).spawn().unwrap();
        self.realms[index].process = Some(child);
        for _ in 0..400 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.realms[index].port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("krb5kdc does not listen: {}", self.log());
    }

    fn faked(&self, options: &Options, command: &mut Command) {
        if let Some(seconds) = options.ahead {
            command.env("LD_PRELOAD", LIBFAKETIME).env("FAKETIME", format!("{seconds:+}s"));
        }
    }

    /// What `kadmin.local` is told, a line each, in a realm.
    pub fn admin(&self, realm: &str, lines: &[&str]) {
        let mut command = Command::new("/usr/sbin/kadmin.local");
        command.args(["-r", realm]);
        let text = run(self.environment(&mut command), &(lines.join("\n") + "\n"));
        assert!(!text.contains("while "), "{lines:?}: {text}");
    }

    /// An account in the first realm; options of `addprinc` as they are.
    pub fn add_user(&self, name: &str, password: &str, options: &str) {
        self.admin(self.realm(), &[&format!("addprinc -pw \"{password}\" {options} {name}")]);
    }

    /// A service in the first realm, such as `HTTP/ex01.contoso.test`, and its keytab.
    pub fn add_service(&self, name: &str) -> PathBuf {
        self.add_service_in(self.realm(), name, "")
    }

    /// A service in a realm, and its keytab.
    pub fn add_service_in(&self, realm: &str, name: &str, options: &str) -> PathBuf {
        let keytab = self.file(&format!("{}.{realm}.keytab", name.replace('/', "_")));
        // For a service the flag would mean that it takes only clients with pre-authentication.
        let add = format!("addprinc -randkey -requires_preauth {options} {name}");
        let key = format!("ktadd -k {} {name}", keytab.display());
        self.admin(realm, &[&add, &key]);
        keytab
    }

    /// A ticket cache of `kinit`.
    pub fn kinit(&self, user: &str, password: &str, arguments: &[&str]) -> PathBuf {
        let cache = self.file(&format!("{user}.ccache"));
        let mut command = Command::new("kinit");
        command.arg("-c").arg(format!("FILE:{}", cache.display())).args(arguments).arg(user);
        run(self.environment(&mut command), &(password.to_owned() + "\n"));
        cache
    }

    /// A tool of MIT Kerberos in this environment, such as `kvno`.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        self.environment(&mut command);
        command
    }

    /// Points a program at these realms.
    pub fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("KRB5_CONFIG", self.file("krb5.conf"))
            .env("KRB5_KDC_PROFILE", self.file("kdc.conf"))
            .env("LC_ALL", "C.UTF-8")
    }

    /// The first realm.
    pub fn realm(&self) -> &str {
        &self.realms[0].name
    }

    /// Host and port of the first realm's KDC.
    pub fn address(&self) -> String {
        self.address_of(self.realm())
    }

    /// Host and port of a realm's KDC.
    pub fn address_of(&self, realm: &str) -> String {
        let realm = self.realms.iter().find(|one| one.name == realm).unwrap();
        format!("127.0.0.1:{}", realm.port)
    }

    /// The path of its `krb5.conf`.
    pub fn krb5_conf(&self) -> PathBuf {
        self.file("krb5.conf")
    }

    /// A path in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the KDCs have written down.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.file("kdc.log")).unwrap_or_default()
    }

    /// How many lines of the log have all of these words.
    pub fn logged(&self, words: &[&str]) -> usize {
        self.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        for child in self.realms.iter_mut().filter_map(|realm| realm.process.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Debian's place for it.
const LIBFAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Whether clocks can be set for one process.
pub fn can_fake_time() -> bool {
    Path::new(LIBFAKETIME).exists()
}

/// A port that neither UDP nor TCP has in use.
pub fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn is_there() -> bool {
    static THERE: OnceLock<Result<(), String>> = OnceLock::new();
    let tools = ["/usr/sbin/krb5kdc", "/usr/sbin/kadmin.local", "/usr/sbin/kdb5_util", "/usr/bin/kinit"];
    let complete = || tools.iter().all(|tool| Path::new(tool).exists());
    let there = THERE.get_or_init(|| if complete() { Ok(()) } else { python::install(&PACKAGES) });
    match there {
        Ok(()) => true,
        Err(reason) => {
            let required = std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_some();
            assert!(!required, "the KDC of MIT Kerberos is required: {reason}");
            say(&format!("SKIPPED: no test against a KDC: {reason}"));
            false
        }
    }
}

/// Runs to the end with this input, and gives what it said on both channels.
fn run(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

#[test]
fn a_realm_starts_and_hands_out_a_ticket_to_kinit() {
    let Some(kdc) = Kdc::start() else { return };
    let keytab = kdc.add_service("HTTP/ex01.contoso.test");
    let cache = kdc.kinit(USER, PASSWORD, &[]);
    assert!(keytab.exists() && cache.exists());
    let mut kvno = kdc.tool("kvno");
    run(kvno.arg("-c").arg(&cache).arg("HTTP/ex01.contoso.test"), "");
    assert_eq!(kdc.logged(&["AS_REQ", "ISSUE"]), 1, "{}", kdc.log());
    assert_eq!(kdc.logged(&["TGS_REQ", "ISSUE"]), 1, "{}", kdc.log());
}
