//! What OpenAPI wants of every operation and routes needn't say themselves: a name that no other has, and words for each answer.

use http::StatusCode;
use utoipa::{
    Modify,
    openapi::{OpenApi, RefOr, path::Operation},
};

/// Completes the operations of a whole document, those of packs too.
///
/// They are named by method and path, because handlers of several packs may be called `list`; an answer without a description is
/// described by its status.
pub(super) struct Operations;

impl Modify for Operations {
    fn modify(&self, document: &mut OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let methods = [
                ("get", &mut item.get),
                ("put", &mut item.put),
                ("post", &mut item.post),
                ("delete", &mut item.delete),
                ("options", &mut item.options),
                ("head", &mut item.head),
                ("patch", &mut item.patch),
                ("trace", &mut item.trace),
            ];
            for (method, operation) in methods {
                if let Some(operation) = operation {
                    operation.operation_id = Some(name(method, path));
                    describe_answers(operation);
                }
            }
        }
    }
}

/// `delete_posts_by_post_like` for a `DELETE` of `/v1/posts/{post}/like`.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    path.split(['/', '.']).filter(|part| !part.is_empty()).fold(method.to_owned(), |name, part| {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(parameter) => name + "_by_" + parameter,
            None => name + "_" + part,
        }
    })
}

fn describe_answers(operation: &mut Operation) {
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if answer.description.is_empty() {
            let reason = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            reason.unwrap_or("An answer").clone_into(&mut answer.description);
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::{HttpMethod, OpenApiBuilder, PathItem, PathsBuilder, Response, path::OperationBuilder};

    use super::*;

    #[test]
    fn operations_get_names_that_differ_and_answers_a_description() {
        let list = || {
            let operation = OperationBuilder::new().operation_id(Some("list"));
            operation.response("200", Response::new("")).response("409", Response::new("It is there.")).build()
        };
        let paths = PathsBuilder::new()
            .path("/v1/posts/{post}/likes", PathItem::new(HttpMethod::Get, list()))
            .path("/v1/posts.json", PathItem::new(HttpMethod::Get, list()));
        let mut document = OpenApiBuilder::new().paths(paths.build()).build();
        Operations.modify(&mut document);
        let operations = document.paths.paths.values().map(|item| item.get.as_ref().unwrap());
        let names: Vec<_> = operations.clone().map(|operation| operation.operation_id.as_deref().unwrap()).collect();
        assert_eq!(names, ["get_posts_json", "get_posts_by_post_likes"]);
        for operation in operations {
            let answers = operation.responses.responses.values();
            let described: Vec<_> = answers
                .map(|answer| match answer {
                    RefOr::T(answer) => answer.description.as_str(),
                    RefOr::Ref(_) => panic!("no answer is a reference"),
                })
                .collect();
            assert_eq!(described, ["OK", "It is there."]);
        }
    }
}
