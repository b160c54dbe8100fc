//! NTLMv2 arithmetic and CHALLENGE_MESSAGE against `ntlmclient`, which shares no code with `wsman`.
#![allow(clippy::unwrap_used, clippy::panic)]

use ntlmclient::{ChallengeResponse, Message};
use proptest::prelude::*;
use wsman::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, Secret, UserName,
    ntlm::{
        NtlmAcceptor, ServerNames,
        av_pair::id,
        crypto, flags,
        message::{Authenticate, Challenge, Negotiate},
    },
};

const SERVER_CHALLENGE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Letters of several scripts whose capitals are one letter, and everything else that names hold.
const NAME: &str = "[a-zA-Z0-9._@ à-öø-þα-ρа-яЀ-Я一-丁-]{1,24}";

fn theirs(user: &str, domain: &str, password: &str) -> ntlmclient::Credentials {
    ntlmclient::Credentials { username: user.into(), password: password.into(), domain: domain.into() }
}

struct One(String);

impl AccountStore for One {
    fn secret(&self, _: &UserName) -> Option<Secret> {
        Some(Secret::password(self.0.clone()))
    }
}

/// Our acceptor with a response that they calculated.
fn accept(response: &ChallengeResponse, user: &UserName, password: &str) -> Result<AcceptorStep, AuthError> {
    let name = || "LAB".to_owned();
    let names = ServerNames {
        netbios_computer: name(),
        netbios_domain: name(),
        dns_computer: name(),
        dns_domain: name(),
    };
    let mut acceptor = NtlmAcceptor::new(&names, SERVER_CHALLENGE, 1);
    let accounts = One(password.to_owned());
    acceptor.step(&Negotiate { flags: flags::CLIENT }.to_bytes(), &accounts)?;
    let message = Authenticate {
        flags: flags::CLIENT,
        user: user.clone(),
        workstation: String::new(),
        lm_response: response.lm_response.clone(),
        nt_response: response.ntlm_response.clone(),
        encrypted_session_key: vec![5; 16],
    };
    acceptor.step(&message.to_bytes()?, &accounts)
}

proptest! {
    #[test]
    fn keys_and_proofs_agree(user in NAME, domain in NAME, password in "\\PC{0,64}", time in any::<u32>()) {
        let target_info = [2, 0, 2, 0, b'D', 0, 0, 0, 0, 0];
        let credentials = theirs(&user, &domain, &password);
        let name = UserName::new(domain, user);
        let ntowf = crypto::ntowf_v2(&Secret::password(password.clone()), &name).unwrap();
        prop_assert_eq!(*ntowf, ntlmclient::ntlm_v2_password_func(&credentials));

        let response =
            ntlmclient::respond_challenge_ntlm_v2(SERVER_CHALLENGE, &target_info, i64::from(time), &credentials);
        let random: [u8; 8] = response.lm_response[16..].try_into().unwrap();
        let temp = crypto::client_challenge(u64::from(time), &random, &target_info);
        let proof = crypto::nt_proof(&ntowf, &SERVER_CHALLENGE, &temp);
        prop_assert_eq!([proof.as_slice(), &temp].concat(), response.ntlm_response.clone());
        prop_assert_eq!(crypto::lm_v2_response(&ntowf, &SERVER_CHALLENGE, &random), response.lm_response.clone());
        prop_assert_eq!(crypto::session_base_key(&ntowf, &proof).to_vec(), response.session_key.clone());

        let accepted = matches!(accept(&response, &name, &password), Ok(AcceptorStep::Established { .. }));
        prop_assert!(accepted);
        let refused = accept(&response, &name, &format!("{password}x")).map(|_| ());
        prop_assert_eq!(refused, Err(AuthError::LogonFailed));
    }

    #[test]
    fn challenges_are_read_alike(target in NAME, computer in NAME, challenge in any::<[u8; 8]>()) {
        let mut ours = Challenge {
            flags: flags::CLIENT,
            server_challenge: challenge,
            target_name: target,
            target_info: Default::default(),
        };
        ours.target_info.set_text(id::NB_COMPUTER_NAME, &computer);
        let Message::Challenge(read) = Message::try_from(ours.to_bytes().unwrap().as_slice()).unwrap() else {
            panic!("another message")
        };
        prop_assert_eq!(read.target_name, ours.target_name);
        prop_assert_eq!(read.challenge, challenge);
        prop_assert_eq!(read.flags.bits(), flags::CLIENT);
        let names: Vec<String> = read.target_information.iter().filter_map(|entry| entry.to_string().ok()).collect();
        prop_assert_eq!(names.first(), Some(&computer));
    }
}
