//! stub
pub(crate) async fn serve(
    _: crate::handle::Tidings,
    _: axum::Router,
    _: std::net::TcpListener,
    _: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    todo!()
}
