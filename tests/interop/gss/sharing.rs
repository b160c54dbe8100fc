//! Many connections, one ticket: what the KDC is asked, and whose messages are whose.

use tokio::task::JoinSet;
use wsman::auth::Mechanism;
use wsman::auth::kerberos::EncryptionType;
use wsman::client::{Delegation, PoolOptions, RunspacePool};
use wsman::clixml::Value;

use super::Place;
use super::service::{Lab, echo};
use crate::kdc::Kdc;

/// The KDC tells of an account without pre-authentication, answers the one with it, and hands out one ticket: two AS
/// messages are one AS exchange, RFC 4120 3.1, and one more is the TGS exchange.
fn assert_one_of_each(kdc: &Kdc) {
    let counted = [
        kdc.logged(&["AS_REQ ("]),
        kdc.logged(&["AS_REQ (", "NEEDED_PREAUTH"]),
        kdc.logged(&["AS_REQ (", "ISSUE"]),
        kdc.logged(&["TGS_REQ ("]),
        kdc.logged(&["TGS_REQ (", "ISSUE"]),
    ];
    assert_eq!(counted, [2, 1, 1, 1, 1], "{}", kdc.log());
}

/// F21: a pool with twenty connections at work at the same time, and then another pool.
#[tokio::test(flavor = "multi_thread")]
async fn f21_twenty_connections_of_a_pool_cost_one_as_and_one_tgs_exchange() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let lab = Lab::start(&place, |_| ()).await;
    let kerberos = place.kerberos(Delegation::Never);
    let options = PoolOptions { max_runspaces: 20, ..PoolOptions::default() };
    let pool = RunspacePool::open(lab.config(false, &kerberos), options).await.unwrap();
    let mut running = Vec::new();
    for number in 0..20 {
        running.push(pool.pipeline().command(echo(Value::Int32(number), true)).run().await.unwrap());
    }
    // Each of them waits on a connection of its own.
    for _ in 0..1000 {
        if lab.connections() >= 20 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    lab.seen.gate.set();
    for (number, pipeline) in (0..).zip(running) {
        assert_eq!(pipeline.collect().await.unwrap().output, [Value::Int32(number)]);
    }
    assert!(lab.connections() >= 20, "{} connections", lab.connections());
    assert_eq!(pool.signed_in().mechanism, Some(Mechanism::Kerberos));
    pool.close().await.unwrap();
    assert_one_of_each(&place.kdc);

    let before = lab.connections();
    let again = RunspacePool::open(lab.config(false, &kerberos), PoolOptions::default()).await.unwrap();
    again.close().await.unwrap();
    assert!(lab.connections() > before);
    assert_one_of_each(&place.kdc);
}

/// F11, F13, F17, F40: fifty pools with one ticket, all at work at the same time over http; no answer is somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn f11_f13_f17_f40_fifty_sealed_connections_do_not_mix_their_contexts() {
    let Some(place) = Place::new(EncryptionType::Aes256Sha1) else { return };
    let lab = Lab::start(&place, |_| ()).await;
    let kerberos = place.kerberos(Delegation::Never);
    let mut all = JoinSet::new();
    for number in 0..50 {
        let config = lab.config(false, &kerberos);
        all.spawn(async move {
            let pool = RunspacePool::open(config, PoolOptions::default()).await.unwrap();
            for round in 0..4 {
                // Several fragments each way.
                let value = Value::from(format!("{number}-{round}-{}", "ä\0 ".repeat(20_000)).as_str());
                let pipeline = pool.pipeline().command(echo(value.clone(), false)).run().await.unwrap();
                assert!(pipeline.collect().await.unwrap().output == [value], "{number} {round}");
            }
            pool.close().await.unwrap();
        });
    }
    all.join_all().await;
    assert!(lab.connections() >= 50, "{} connections", lab.connections());
    let exchanges = lab.exchanges();
    assert!(exchanges.iter().all(|it| it.status == 200 && (it.sealed || it.action.is_none())));
    assert_eq!(lab.server.shell_count(), 0);
    assert_one_of_each(&place.kdc);
}
