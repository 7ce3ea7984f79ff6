package httpapi_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
)

func TestFiles(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	path := "/v1/agents/tasks/" + string(id)
	if r := k.do(k.ann, "GET", path+"/diff", ""); r.StatusCode != http.StatusNotFound || !strings.Contains(r.problem(t).Detail, "no diff yet") {
		t.Errorf("before there is one: %d %s", r.StatusCode, r.body)
	}
	const patch = "diff --git a/x b/x\n"
	k.keep(id, autonoma.Artifact{Name: "patch", Type: autonoma.PatchArtifact, MediaType: "text/x-diff", Path: "a.patch"}, patch)
	r := k.do(k.ann, "GET", path+"/diff", "")
	if string(r.body) != patch || r.Header.Get("Content-Type") != "text/x-diff; charset=utf-8" {
		t.Errorf("%s %q", r.Header.Get("Content-Type"), r.body)
	}

	// What an agent made is saved, never shown, whatever it calls itself.
	evil := k.keep(id, autonoma.Artifact{Name: "evil", Type: autonoma.DocumentArtifact, MediaType: "text/html", Path: "../../etc/a\"b\r\nX: y.html"}, "<script>")
	r = k.do(k.ann, "GET", path+"/artifacts/"+string(evil), "")
	if string(r.body) != "<script>" || r.Header.Get("X") != "" || r.Header.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") || strings.Contains(r.Header.Get("Content-Disposition"), "/") ||
		!strings.Contains(r.Header.Get("Content-Security-Policy"), "sandbox") || r.ContentLength != 8 {
		t.Errorf("%v", r.Header)
	}
	plain := k.keep(id, autonoma.Artifact{Name: "plan", Type: autonoma.DocumentArtifact, MediaType: "no type", Path: "Entwürfe/plän.md"}, "# ä")
	r = k.do(k.ann, "GET", path+"/artifacts/"+string(plain), "")
	if r.Header.Get("Content-Type") != "application/octet-stream" || r.Header.Get("Content-Disposition") != "attachment; filename*=utf-8''pl%C3%A4n.md" {
		t.Errorf("%v", r.Header)
	}
	if r := k.do(k.ann, "HEAD", path+"/artifacts/"+string(plain), ""); r.StatusCode != 200 || r.Header.Get("Content-Length") != "4" {
		t.Errorf("HEAD: %d %v", r.StatusCode, r.Header)
	}

	other := k.submit()
	for _, missing := range []string{path + "/artifacts/art_000000000000", path + "/artifacts/..%2f..%2fx", "/v1/agents/tasks/" + string(other) + "/artifacts/" + string(plain)} {
		if r := k.do(k.ann, "GET", missing, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", missing, r.StatusCode, r.body)
		}
	}
}

// An artifact whose content is gone is a fault of ours, and no path is told.
func TestLostContent(t *testing.T) {
	k := newKit(t)
	id := k.submit()
	art := k.keep(id, autonoma.Artifact{Name: "a", Type: autonoma.DocumentArtifact, Path: "a"}, "x")
	digest := must(k.db.Artifact(t.Context(), id, art))(t).Digest
	if err := os.Remove(must(k.blobs.Open(digest))(t).Name()); err != nil {
		t.Fatal(err)
	}
	r := k.do(k.ann, "GET", "/v1/agents/tasks/"+string(id)+"/artifacts/"+string(art), "")
	if p := r.problem(t); p.Code != api.Internal || strings.Contains(string(r.body), "blobs") {
		t.Errorf("%s", r.body)
	}
}
