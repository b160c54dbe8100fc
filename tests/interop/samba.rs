//! An Active Directory domain of Samba on loopback, of which only the KDC runs; it ends when dropped.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::kdc::free_port;
use crate::{python, say};

const PACKAGES: [&str; 2] = ["samba-ad-dc", "samba-ad-provision"];
/// The realm.
pub const REALM: &str = "AD.TEST";

/// A domain controller.
pub struct Samba {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Samba {
    /// A domain in which this Python has been run, with `samdb` at hand; `None` where there is no Samba, after a line
    /// that says so.
    pub fn start(script: &str) -> Option<Self> {
        if !is_there() {
            return None;
        }
        let samba = Self { folder: tempfile::tempdir().unwrap(), port: free_port(), process: None };
        let place = samba.folder.path().display().to_string();
        let provision = Command::new("samba-tool")
            .args(["domain", "provision", "--realm", REALM, "--domain", "AD", "--server-role", "dc"])
            .args(["--dns-backend", "SAMBA_INTERNAL", "--host-name", "dc1", "--host-ip", "127.0.0.1"])
            .args(["--adminpass", "Passw0rd!", "--targetdir", &place, "--quiet"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&provision.stderr).into_owned();
        assert!(provision.status.success(), "samba-tool domain provision: {said}");
        for folder in ["run", "lock"] {
            std::fs::create_dir_all(samba.folder.path().join(folder)).unwrap();
        }
        std::fs::write(samba.conf(), samba.conf_text()).unwrap();
        samba.python(script);
        Some(samba.launch())
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("kdc.conf")
    }

    /// The KDC alone, on a port of its own.
    fn conf_text(&self) -> String {
        let (place, port) = (self.folder.path().display(), self.port);
        format!(
            "[global]\nnetbios name = DC1\nrealm = {REALM}\nworkgroup = AD\n\
             server role = active directory domain controller\nserver services = kdc\n\
             dcerpc endpoint servers =\ninterfaces = 127.0.0.1\nbind interfaces only = yes\n\
             krb5 port = {port}\nkpasswd port = 0\nprivate dir = {place}/private\n\
             state directory = {place}/state\ncache directory = {place}/cache\nlock directory = {place}/lock\n\
             pid directory = {place}/run\nncalrpc dir = {place}/run/ncalrpc\n\
             winbindd socket directory = {place}/run/winbindd\nlog file = {place}/log\n"
        )
    }

    /// Changes the directory.
    pub fn python(&self, script: &str) {
        let text = format!(
            "import sys\nfrom samba.param import LoadParm\nfrom samba.samdb import SamDB\n\
             from samba.auth import system_session\n\
             lp = LoadParm()\nlp.load(sys.argv[1])\n\
             samdb = SamDB(session_info=system_session(), lp=lp)\n\
             def change(name, *lines):\n    \
                 dn = 'CN=%s,CN=Users,%s' % (name, samdb.domain_dn())\n    \
                 samdb.modify_ldif('\\n'.join(['dn: ' + dn, 'changetype: modify'] + list(lines)) + '\\n')\n\
             {script}\n"
        );
        // The bindings belong to the system's Python.
        let mut child = Command::new("/usr/bin/python3")
            .arg("-")
            .arg(self.conf())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A keytab of an account.
    pub fn keytab(&self, account: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{account}.keytab"));
        let export = Command::new("samba-tool")
            .args(["domain", "exportkeytab", "--principal", account, "-s"])
            .arg(self.conf())
            .arg(&file)
            .output()
            .unwrap();
        assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
        file
    }

    fn launch(mut self) -> Self {
        // It ends with its input, should nobody kill it.
        let child = Command::new("/usr/sbin/samba")
            .args(["-i", "-M", "single", "-s"])
            .arg(self.conf())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(child);
        for _ in 0..1200 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return self;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("samba does not listen: {:?}", std::fs::read_to_string(self.folder.path().join("log")));
    }

    /// Host and port of its KDC.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn is_there() -> bool {
    static THERE: OnceLock<Result<(), String>> = OnceLock::new();
    // The schema is in a package of its own.
    let files = ["/usr/sbin/samba", "/usr/bin/samba-tool", "/usr/share/samba/setup/provision"];
    let complete = || files.iter().all(|file| Path::new(file).exists());
    let there = THERE.get_or_init(|| if complete() { Ok(()) } else { python::install(&PACKAGES) });
    match there {
        Ok(()) => true,
        Err(reason) => {
            let required = std::env::var_os("MAILWRIGHT_REQUIRE_PEERS").is_some();
            assert!(!required, "the domain controller of Samba is required: {reason}");
            say(&format!("SKIPPED: no test against Active Directory: {reason}"));
            false
        }
    }
}
