use super::*;

fn cloud_run(aim: Aim) -> CloudRun {
    let spec = CloudRunSpec {
        url: "https://run.example".into(),
        project: "p".into(),
        region: "r".into(),
        service: "web".into(),
        token: None,
    };
    CloudRun::new(spec, aim)
}

/// A service as v2 writes it: numbers as text, long and short names, and nothing that has its default value.
fn v2(generation: u32, ready: &str, created: &str, rest: &str) -> String {
    format!(
        r#"{{"generation":"{generation}","latestReadyRevision":"projects/p/locations/r/services/web/revisions/{ready}",
        "latestCreatedRevision":"projects/p/locations/r/services/web/revisions/{created}",{rest}}}"#
    )
}

fn settled(generation: u32, ready: &str, created: &str, traffic: &str) -> String {
    let rest = format!(
        r#""observedGeneration":"{generation}","terminalCondition":{{"type":"Ready","state":"CONDITION_SUCCEEDED"}},
        "traffic":[{{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","percent":100}}],"trafficStatuses":[{traffic}]"#
    );
    v2(generation, ready, created, &rest)
}

fn all(revision: &str) -> String {
    format!(r#"{{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST","revision":"{revision}","percent":100}}"#)
}

fn reply(body: &str) -> Reply {
    Reply { status: 200, headers: Vec::new(), body: body.to_owned() }
}

fn said(service: &mut CloudRun, body: &str) -> String {
    let told = service.hear(&reply(body)).expect("reads");
    let words = told.iter().map(|told| match told {
        Told::Verdict(verdict, Some(message)) => format!("{verdict} | {message}"),
        Told::Verdict(verdict, None) => verdict.to_string(),
        Told::Target(target) => format!("target {target}"),
        other => format!("{other:?}"),
    });
    words.collect::<Vec<_>>().join("; ")
}

fn after_a1(aim: Aim) -> CloudRun {
    let mut service = cloud_run(aim);
    service.remember(&reply(&settled(16, "web-a1", "web-a1", &all("web-a1")))).expect("reads");
    service.acted();
    service
}

fn suffix(suffix: &str) -> Aim {
    Aim { suffix: Some(suffix.into()), ..Aim::default() }
}

#[test]
fn a_deploy_until_the_traffic_is_there() {
    let mut service = after_a1(suffix("b2"));
    let path = "https://run.example/v2/projects/p/locations/r/services/web";
    assert_eq!(service.next(), Some(Ask::Http(Request::get(path))));
    let going = r#""observedGeneration":"16","reconciling":true,"conditions":[
        {"type":"ConfigurationsReady","state":"CONDITION_SUCCEEDED"},{"type":"RoutesReady","state":"CONDITION_RECONCILING"}]"#;
    assert_eq!(said(&mut service, &v2(17, "web-a1", "web-b2", going)), "moving the traffic");
    let half = r#"{"revision":"web-a1","percent":60},{"revision":"web-b2","percent":40}"#;
    assert_eq!(said(&mut service, &settled(17, "web-b2", "web-b2", half)), "40 % of the traffic goes to it");
    assert_eq!(said(&mut service, &settled(17, "web-b2", "web-b2", &all("web-b2"))), "all traffic goes to it");
    assert_eq!(said(&mut service, &settled(18, "web-c3", "web-c3", &all("web-c3"))), "superseded by web-c3");
}

#[test]
fn pinned_traffic_is_no_success() {
    let mut service = after_a1(Aim::default());
    let pinned = v2(
        17,
        "web-b2",
        "web-b2",
        r#""observedGeneration":"17","terminalCondition":{"state":"CONDITION_SUCCEEDED"},
        "traffic":[{"type":"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION","revision":"web-a1","percent":100}],
        "trafficStatuses":[{"revision":"web-a1","percent":100},{"revision":"web-b2","tag":"cand"}]"#,
    );
    assert_eq!(said(&mut service, &pinned), "target web-b2; the traffic is pinned to web-a1, not to web-b2");
}

#[test]
fn a_failed_deploy_leaves_the_old_revision_serving() {
    let failed = r#""observedGeneration":"17","terminalCondition":{"state":"CONDITION_FAILED","reason":"REVISION_FAILED",
        "message":"the container did not listen on port 8080"},"trafficStatuses":[{"revision":"web-a1","percent":100}]"#;
    let told = said(&mut after_a1(suffix("b2")), &v2(17, "web-a1", "web-b2", failed));
    assert_eq!(told, "REVISION_FAILED; web-a1 still serves | the container did not listen on port 8080");
    let early = r#""observedGeneration":"16","reconciling":true,"conditions":[{"type":"ConfigurationsReady",
        "state":"CONDITION_RECONCILING","revisionReason":"HEALTH_CHECK_CONTAINER_ERROR"}]"#;
    let told = said(&mut after_a1(suffix("b2")), &v2(17, "web-a1", "web-b2", early));
    assert_eq!(told, "HEALTH_CHECK_CONTAINER_ERROR", "waiting for the deadline is of no use");
}

#[test]
fn exit_0_that_changed_nothing() {
    let mut service = after_a1(Aim::default());
    let same = settled(16, "web-a1", "web-a1", &all("web-a1"));
    assert_eq!(said(&mut service, &same), "no new generation yet");
    let last = (0..5).map(|_| said(&mut service, &same)).last();
    assert_eq!(last.as_deref(), Some("nothing changed: generation 16 as before, web-a1 serves"));
    let moved = settled(17, "web-a1", "web-a1", &all("web-a1"));
    assert_eq!(said(&mut after_a1(Aim::default()), &moved), "no new revision was made: web-a1 serves");
}

#[test]
fn the_way_back_is_a_move_of_the_traffic() {
    let mut service = after_a1(Aim { back_to: Some("web-00".into()), ..Aim::default() });
    assert_eq!(said(&mut service, &settled(16, "web-a1", "web-a1", &all("web-a1"))), "moving the traffic");
    assert_eq!(said(&mut service, &settled(16, "web-a1", "web-a1", &all("web-00"))), "all traffic goes to it");
}

#[test]
fn gcloud_describes_in_the_older_dialect() {
    let v1 = |generation: u32, ready: &str, serving: &str| {
        format!(
            r#"{{"kind":"Service","metadata":{{"generation":{generation}}},"spec":{{"traffic":[{{"latestRevision":true,"percent":100}}]}},
            "status":{{"observedGeneration":17,"latestCreatedRevisionName":"web-b2","latestReadyRevisionName":"web-b2",
            "conditions":[{{"type":"Ready","status":"{ready}"}}],"traffic":[{{"revisionName":"{serving}","percent":100}}]}}}}"#
        )
    };
    let mut service = after_a1(suffix("b2"));
    assert_eq!(said(&mut service, &v1(17, "Unknown", "web-a1")), "creating the revision");
    assert_eq!(said(&mut service, &v1(17, "True", "web-b2")), "all traffic goes to it");
    assert_eq!(said(&mut service, &v1(18, "True", "web-b2")), "creating the revision", "not yet observed");
}

#[test]
fn what_cannot_be_gone_by_is_said() {
    let mut service = cloud_run(Aim::default());
    let refused = Reply { status: 403, body: r#"{"error":{"message":"no run.viewer"}}"#.into(), ..Reply::default() };
    let why = service.remember(&refused).expect_err("refused");
    assert_eq!(&*why, "it answered 403, no run.viewer: the access token may not do that");
    assert!(service.remember(&reply("<html>")).is_err());
    assert!(service.remember(&Reply { status: 404, ..Reply::default() }).is_ok(), "the first deploy makes the service");
}

#[test]
fn an_earlier_revision_comes_back_by_its_traffic() {
    let back = |by_request| cloud_run(Aim { back_to: Some("web-a1".into()), by_request, ..Aim::default() });
    let Some(Ask::Http(request)) = back(true).start() else { panic!("a request") };
    assert_eq!(
        request.to_string(),
        "PATCH https://run.example/v2/projects/p/locations/r/services/web?updateMask=traffic\n\
         {\"traffic\":[{\"percent\":100,\"revision\":\"web-a1\",\
         \"type\":\"TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION\"}]}"
    );
    assert_eq!(back(false).start(), None, "a command of one's own does it");
    assert_eq!(cloud_run(Aim { by_request: true, ..Aim::default() }).start(), None, "nothing is to come back");

    let refused = Reply { status: 403, body: r#"{"error":{"message":"no"}}"#.into(), ..Reply::default() };
    assert!(back(true).started(&refused).is_err_and(|why| why.contains("no")));
    let mut service = back(true);
    service.remember(&reply(&settled(17, "web-a2", "web-a2", &all("web-a2")))).expect("reads");
    assert!(service.started(&reply("{}")).is_ok());
    service.acted();
    assert_eq!(said(&mut service, &settled(17, "web-a2", "web-a2", &all("web-a2"))), "moving the traffic");
    assert_eq!(said(&mut service, &settled(18, "web-a2", "web-a2", &all("web-a1"))), "all traffic goes to it");
}
