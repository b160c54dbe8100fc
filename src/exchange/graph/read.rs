//! Reading users and licences through a connection.

use std::collections::BTreeMap;

use uuid::Uuid;
use wsman::clixml::Value;

use super::decode;
use crate::exchange::{Answer, Call, Exchange, ExchangeError, LookupError};
use crate::recipient::{GraphUser, Sku};

/// Ids in one filter: Graph takes fifteen values behind `in` ("Use the $filter query parameter").
pub const IN_ONE_FILTER: usize = 15;

/// The user with an object id or a principal name.
///
/// # Errors
/// There is no answer, Graph refuses, or it answers with another user.
pub async fn find_user(exchange: &dyn Exchange, identity: &str) -> Result<Option<GraphUser>, LookupError> {
    let answer = exchange.run(&Call::new("Get-MgUser").with("UserId", Value::from(identity))).await?;
    if answer.is_not_found() {
        return Ok(None);
    }
    let [object] = checked(&answer)? else {
        return Err(another(identity, "not one user"));
    };
    let user = decode::user(object).map_err(|error| another(identity, &error.to_string()))?;
    let is_it = match Uuid::try_parse(identity) {
        Ok(id) => user.id == id,
        Err(_) => user.user_principal_name.to_lowercase() == identity.trim().to_lowercase(),
    };
    if is_it { Ok(Some(user)) } else { Err(another(identity, &user.user_principal_name)) }
}

/// Those of these users that there are, by object id, fifteen in a request.
///
/// # Errors
/// There is no answer, or Graph refuses.
pub async fn users(exchange: &dyn Exchange, ids: &[Uuid]) -> Result<BTreeMap<Uuid, GraphUser>, LookupError> {
    let mut found = BTreeMap::new();
    for some in ids.chunks(IN_ONE_FILTER) {
        let list: Vec<String> = some.iter().map(|id| format!("'{id}'")).collect();
        let filter = format!("id in ({})", list.join(","));
        let answer =
            exchange.run(&Call::new("Get-MgUser").with("Filter", Value::from(filter.as_str()))).await?;
        for object in checked(&answer)? {
            let user = decode::user(object).map_err(|error| another(&filter, &error.to_string()))?;
            if some.contains(&user.id) {
                found.insert(user.id, user);
            }
        }
    }
    Ok(found)
}

/// The licences of the tenant.
///
/// # Errors
/// There is no answer, or Graph refuses.
pub async fn skus(exchange: &dyn Exchange) -> Result<Vec<Sku>, LookupError> {
    let answer = exchange.run(&Call::new("Get-MgSubscribedSku")).await?;
    checked(&answer)?
        .iter()
        .map(decode::sku)
        .collect::<Result<_, _>>()
        .map_err(|error| LookupError::Exchange(ExchangeError::Protocol(error.to_string())))
}

fn checked(answer: &Answer) -> Result<&[Value], LookupError> {
    match answer.refusal() {
        Some(refusal) => Err(LookupError::Refused(refusal)),
        None => Ok(&answer.objects),
    }
}

fn another(asked: &str, answered: &str) -> LookupError {
    LookupError::AnotherObject { asked: asked.to_owned(), answered: answered.to_owned() }
}
