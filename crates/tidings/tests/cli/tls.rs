//! Endpoints of the app's backend over `https://`, which takes a program built with the feature `tls`: against a real TLS server, whose
//! certificate is trusted, is nobody's, or is another host's.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use crate::support::process::command;

/// A certificate for a host that signs itself by this name.
fn certificate(host: &str, name: &str) -> CertifiedKey<KeyPair> {
    let mut parameters = CertificateParams::new([host.to_owned()]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let signing_key = KeyPair::generate().unwrap();
    let cert = parameters.self_signed(&signing_key).unwrap();
    CertifiedKey { cert, signing_key }
}

/// A backend that knows Ann, and shows this certificate. It serves until the test process ends.
fn serve(certified: &CertifiedKey<KeyPair>) -> SocketAddr {
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let mut request = [0; 4_096];
            // A client that does not like the certificate goes away.
            let Ok(count) = stream.read(&mut request) else { continue };
            assert!(request[..count].starts_with(b"GET /people/7 HTTP/1.1\r\n"));
            let body = r#"{"name": "Ann"}"#;
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}

/// What `config check` says of user 7 and how it ends, where this certificate is trusted and no other.
fn check(server: SocketAddr, trusted: &CertifiedKey<KeyPair>) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("[app.users]\nurl = \"https://{server}/people/{{user}}\"\n");
    fs::write(folder.path().join("tidings.toml"), settings).unwrap();
    fs::write(folder.path().join("trusted.pem"), trusted.cert.pem()).unwrap();
    let mut command = command(folder.path(), &["config", "check", "--user", "7"]);
    // In place of the roots that the system trusts.
    let output = command.env("SSL_CERT_FILE", "trusted.pem").env_remove("SSL_CERT_DIR").output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn an_endpoint_with_a_trusted_certificate_is_asked() {
    let certificate = certificate("127.0.0.1", "the backend");
    let (code, said) = check(serve(&certificate), &certificate);
    assert_eq!((code, said.contains("name Ann")), (Some(0), true), "{said}");
}

#[test]
fn an_endpoint_whose_certificate_nobody_vouches_for_is_refused_and_the_reason_is_said() {
    let [ours, another] = ["the backend", "somebody else"].map(|name| certificate("127.0.0.1", name));
    let elsewhere = certificate("other.example", "the backend");
    for (shown, trusted, expected) in
        [(&ours, &another, "UnknownIssuer"), (&elsewhere, &elsewhere, "not valid for name")]
    {
        let (code, said) = check(serve(shown), trusted);
        assert_eq!(code, Some(2), "{said}");
        for part in ["app.users      FAILED: ", "the connection failed: ", "invalid peer certificate: ", expected] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
