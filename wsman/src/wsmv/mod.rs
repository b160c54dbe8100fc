//! wsmv
