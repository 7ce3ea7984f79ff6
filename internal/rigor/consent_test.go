package rigor_test

import (
	"testing"

	"autonoma"
)

// What a change does is found however much else it changes.
func TestEffectsOfALargeChange(t *testing.T) {
	s := open(t, greeting, `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: bash, args: {command: "head -c 1500000 /dev/zero | tr '\\0' x > a.txt; mkdir db; echo 'DROP TABLE users;' > db/up.sql"}}]
      - calls: [{name: finish, args: {summary: Done., confidence: 0.9}}]
`)
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.Demo})
	j.Execution.Mode = autonoma.Autonomous
	r := s.must(j)
	if len(s.diff(j, r).Files) != 2 || len(r.Effects) != 1 || r.Effects[0].Kind != "data_loss" || r.Effects[0].What != "db/up.sql" {
		t.Errorf("effects %+v", r.Effects)
	}
}
