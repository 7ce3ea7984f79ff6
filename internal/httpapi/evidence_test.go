package httpapi_test

import (
	"crypto/ed25519"
	"io"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/evidence"
)

// proven gives a task of ann's a result with evidence, and returns the envelope.
func (k *kit) proven(id autonoma.RunID) string {
	k.t.Helper()
	branch, commit := "autonoma/"+string(id), strings.Repeat("c", 40)
	key := must(k.secrets.Signer(k.t.Context()))(k.t)
	sealed := must(evidence.Sign(key, evidence.Record{
		Run: id, Status: autonoma.Verified,
		Base: evidence.State{Commit: strings.Repeat("a", 40), Tree: strings.Repeat("b", 40)},
		Head: evidence.State{Commit: commit, Tree: strings.Repeat("d", 40)},
	}))(k.t)
	k.become(id, autonoma.InProgress, "", nil)
	k.keep(id, autonoma.Artifact{Name: "evidence", Type: autonoma.EvidenceArtifact, MediaType: evidence.MediaType, Path: string(id) + ".evidence.json"}, string(sealed))
	k.change(id, func(run *autonoma.Run) autonoma.Event {
		run.Output = &autonoma.Output{HeadCommit: commit, Branch: &branch, Verification: autonoma.Verification{
			Status: autonoma.Verified, Commit: commit,
			Commands: []autonoma.Checked{{Command: "make", Digest: strings.Repeat("e", 64), Tests: &autonoma.Tests{Failed: 1, Failing: []string{"TestA"}, Partial: true}}},
		}}
		return must(run.Become(autonoma.Completed, "", nil, time.Now()))(k.t)
	})
	return string(sealed)
}

// The evidence of a task is the envelope as it was signed, which opens with the keys
// that anybody who may read can have.
func TestEvidence(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	path := "/v1/agents/tasks/" + string(id) + "/evidence"
	if p := k.do(k.ann, "GET", path, "").problem(t); p.Status != 404 || !strings.Contains(p.Detail, "ask again when the run is over") {
		t.Errorf("before there is any: %+v", p)
	}
	sealed := k.proven(id)
	r := k.do(k.reader, "GET", path, "")
	if r.StatusCode != 200 || string(r.body) != sealed || r.Header.Get("Content-Type") != evidence.MediaType || r.Header.Get("Evidence-Stale") != "unknown" {
		t.Errorf("%d %v %s", r.StatusCode, r.Header, r.body)
	}
	var keys []ed25519.PublicKey
	for _, key := range decoded[api.SigningKeys](t, k.do(k.reader, "GET", "/v1/evidence/keys", ""), 200).Keys {
		keys = append(keys, must(evidence.ParseKeys([]byte(key.PublicKey)))(t)...)
	}
	if got, err := evidence.Open(r.body, keys); err != nil || got.Run != id {
		t.Errorf("%+v, %v", got, err)
	}
	body := must(k.client(k.ann).Evidence(t.Context(), id))(t)
	defer body.Close()
	if got := must(io.ReadAll(body))(t); string(got) != sealed {
		t.Errorf("the client gets %s", got)
	}
}

// A run that ended without a change has no evidence, and says so.
func TestNoEvidence(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.become(id, autonoma.Cancelled, "", nil)
	if p := k.do(k.ann, "GET", "/v1/agents/tasks/"+string(id)+"/evidence", "").problem(t); p.Status != 404 || !strings.Contains(p.Detail, "it handed over no change") {
		t.Errorf("%+v", p)
	}
}

// Where the branch stands now is told with the task, and with the evidence; not in
// lists, and null where nobody can know.
func TestStale(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	k.proven(id)
	task, branch := "/v1/agents/tasks/"+string(id), "autonoma/"+string(id)
	for at, want := range map[string]string{"": "null", strings.Repeat("c", 40): "false", strings.Repeat("f", 40): "true"} {
		k.branches[branch] = at
		r := k.do(k.ann, "GET", task, "")
		if !strings.Contains(string(r.body), `"stale":`+want) {
			t.Errorf("the branch is at %q: %s", at, r.body)
		}
		said := k.do(k.ann, "GET", task+"/evidence", "").Header.Get("Evidence-Stale")
		if said != strings.Replace(want, "null", "unknown", 1) {
			t.Errorf("the branch is at %q: the evidence says %q", at, said)
		}
	}
	if r := k.do(k.ann, "GET", "/v1/agents/tasks", ""); !strings.Contains(string(r.body), `"stale":null`) {
		t.Errorf("the list says %s", r.body)
	}
	v := decoded[api.Task](t, k.do(k.ann, "GET", task, ""), 200).Output.Verification
	if c := v.Commands[0]; c.Tests == nil || !c.Tests.Partial || c.Tests.Failing[0] != "TestA" || *c.Digest != strings.Repeat("e", 64) || *v.EvidenceURL != task+"/evidence" {
		t.Errorf("%+v", v)
	}
}

// Only who runs the installation rotates its keys. What was signed before stays good.
func TestRotateSigningKey(t *testing.T) {
	k := newKit(t)
	must(k.secrets.Signer(t.Context()))(t)
	const path = "/v1/evidence/keys"
	before := decoded[api.SigningKeys](t, k.do(k.reader, "GET", path, ""), 200).Keys
	if len(before) != 1 || before[0].RetiredAt != nil || len(before[0].KeyID) != 64 {
		t.Fatalf("%+v", before)
	}
	for name, key := range map[string]string{"a reader": k.reader, "an admin": k.chief, "another's admin": k.bob} {
		if r := k.do(key, "POST", path+"/rotate", ""); r.StatusCode != 403 {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	made := decoded[api.SigningKey](t, k.do(k.operator, "POST", path+"/rotate", "", "Idempotency-Key", "once"), 200)
	again := k.do(k.operator, "POST", path+"/rotate", "", "Idempotency-Key", "once")
	if got := decoded[api.SigningKey](t, again, 200); got.KeyID != made.KeyID || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("sent again: %+v", got)
	}
	after := must(k.client(k.reader).SigningKeys(t.Context()))(t).Keys
	if len(after) != 2 || after[0].KeyID != made.KeyID || after[0].RetiredAt != nil || after[1].KeyID != before[0].KeyID || after[1].RetiredAt == nil {
		t.Errorf("%+v", after)
	}
}
