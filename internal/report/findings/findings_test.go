package findings

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/config"
)

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// ids are the rules that are promised.
var ids = []string{
	"SELF_REVIEW", "OVERDUE", "SIGNED_LATE", "BULK_APPROVAL", "PRIVILEGED_APPROVED_WITHOUT_COMMENT", "FLIPPED_AFTER_DECISION", "AUTO_COMPLETED",
	"REVOKED_STILL_PRESENT", "REASSIGNED_NEAR_DUE", "REASSIGNED_TO_SUBJECT", "TASK_ERROR", "CERTIFICATION_ERROR", "GOVERNANCE_GROUP_UNREADABLE",
	"POPULATION_DROP", "NEXT_GENERATION_NOT_EXPORTED",
}

// everything makes a finding by each rule.
func everything(t Thresholds) []Finding {
	night3 := night2.AddDate(0, 0, 1)
	var found []Finding
	for _, some := range [][]Finding{
		OfRun(Run{ID: 2, BaselineID: 1, Baseline: Totals{Reviewers: 1}, NextGeneration: 1}, t),
		OfCertification(Certification{ID: "c1", Due: night1, AsOf: night2, HasErrors: true, FromRun: 1}, t),
		OfCertification(Certification{ID: "c1", Due: night1, Signed: night2}, t),
		OfCoverage(Coverage{CertificationID: "c1", ReviewerType: "GOVERNANCE_GROUP", Unsupported: []string{"certification"}}, t),
		OfItem(item(), t),
		OfInterval(Interval{CertificationID: "c1", LastUndecided: night1, FirstDecided: night2, Origin: OriginReviewer, Approved: 20, Decided: 20}, t),
		OfChange(Change{Class: "FLIPPED", CertificationID: "c1", ObjectID: "i1"}, t),
		OfTask(Task{ID: "t1", CertificationID: "c1", Status: "ERROR"}, t),
		OfReassignment(Reassignment{CertificationID: "c1", ToID: "p1", NotBefore: night1, NotAfter: night2, Due: night3, OwnItems: 1}, t),
		OfRevocation(Revocation{CertificationID: "c1", ItemID: "i1", State: StillPresent}, t),
	} {
		found = append(found, some...)
	}
	return found
}

func TestRulesAreThosePromised(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range Rules() {
		got = append(got, r.ID)
		if r.Version < 1 {
			t.Errorf("%s has version %d", r.ID, r.Version)
		}
		switch r.Severity {
		case High, Medium, Low, Info:
		default:
			t.Errorf("%s has severity %q", r.ID, r.Severity)
		}
		for _, text := range []string{r.Threshold, r.Tests, r.Limit} {
			if strings.TrimSpace(text) == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: text %q", r.ID, text)
			}
		}
		for _, sentence := range []string{r.Tests, r.Limit} {
			if !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: no sentence: %q", r.ID, sentence)
			}
		}
	}
	equal(t, got, ids)
}

func TestDefaultThresholdsInWords(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, r := range Rules() {
		if r.Threshold != "none" {
			got[r.ID] = r.Threshold
		}
	}
	equal(t, got, map[string]string{
		"OVERDUE":                             "not signed after the due date",
		"SIGNED_LATE":                         "signed after the due date",
		"BULK_APPROVAL":                       "98% approved of at least 20 items",
		"PRIVILEGED_APPROVED_WITHOUT_COMMENT": "comment of fewer than 1 character",
		"REVOKED_STILL_PRESENT":               "seen after sign-off",
		"REASSIGNED_NEAR_DUE":                 "2 days or less before the due date",
		"POPULATION_DROP":                     "fell by more than 20%, or to 0",
	})
}

func TestFindingsStateTheThresholdInForce(t *testing.T) {
	t.Parallel()
	thresholds := Thresholds{
		Overdue: Grace{time.Hour}, SignedLate: Grace{90 * time.Minute}, BulkApproval: Bulk{0.975, 5},
		PrivilegedApprovedWithoutComment: Comment{12}, ReassignedNearDue: Within{72 * time.Hour}, PopulationDrop: Drop{0.07},
	}
	got := map[string]string{}
	for _, f := range everything(thresholds) {
		if f.Threshold != "" {
			got[f.Rule] = f.Threshold
		}
	}
	equal(t, got, map[string]string{
		"OVERDUE":                             "not signed more than 1 h after the due date",
		"SIGNED_LATE":                         "signed more than 1 h 30 min after the due date",
		"BULK_APPROVAL":                       "97.5% approved of at least 5 items",
		"PRIVILEGED_APPROVED_WITHOUT_COMMENT": "comment of fewer than 12 characters",
		"REVOKED_STILL_PRESENT":               "seen after sign-off",
		"REASSIGNED_NEAR_DUE":                 "3 days or less before the due date",
		"POPULATION_DROP":                     "fell by more than 7%, or to 0",
	})
}

func TestEveryRuleMakesWholeFindings(t *testing.T) {
	t.Parallel()
	rules := map[string]Rule{}
	for _, r := range Rules() {
		rules[r.ID] = r
	}
	made := map[string]bool{}
	for _, f := range everything(Defaults()) {
		made[f.Rule] = true
		r := rules[f.Rule]
		if f.Version != r.Version || f.Severity != r.Severity || f.Object == "" || f.Detail == "" || f.Where == "" {
			t.Errorf("not whole: %+v", f)
		}
		ofRun := f.Rule == "POPULATION_DROP" || f.Rule == "NEXT_GENERATION_NOT_EXPORTED"
		if ofRun != (f.CertificationID == "") || ofRun != (f.ObjectID == "") {
			t.Errorf("%s: certification %q, object %q", f.Rule, f.CertificationID, f.ObjectID)
		}
	}
	for _, id := range ids {
		if !made[id] {
			t.Errorf("no entry makes a finding by %s", id)
		}
	}
}

func TestDisabledRulesMakeNoFindings(t *testing.T) {
	t.Parallel()
	for _, id := range ids {
		thresholds := Defaults()
		thresholds.Disabled = []string{id}
		found := everything(thresholds)
		for _, f := range found {
			if f.Rule == id {
				t.Errorf("%s is disabled, and yet %+v", id, f)
			}
		}
		if len(found) == 0 {
			t.Errorf("without %s no rule finds anything", id)
		}
	}
}

func TestNothingGivenMakesNoFinding(t *testing.T) {
	t.Parallel()
	for _, thresholds := range []Thresholds{Defaults(), {}} {
		for _, some := range [][]Finding{
			OfRun(Run{}, thresholds), OfCertification(Certification{}, thresholds), OfCoverage(Coverage{}, thresholds), OfItem(Item{}, thresholds),
			OfInterval(Interval{}, thresholds), OfChange(Change{}, thresholds), OfTask(Task{}, thresholds),
			OfReassignment(Reassignment{}, thresholds), OfRevocation(Revocation{}, thresholds),
		} {
			if len(some) > 0 {
				t.Errorf("found %+v", some)
			}
		}
	}
}

func TestWordsAccuseNobody(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, r := range Rules() {
		texts = append(texts, r.Threshold, r.Tests, r.Limit)
	}
	for _, f := range everything(Defaults()) {
		texts = append(texts, f.Detail, f.Threshold)
	}
	for _, text := range texts {
		for _, word := range []string{
			"fraud", "rubber", "stamp", "neglig", "neglect", "violat", "misconduct", "collu", "suspicious", "suspect", "guilt", "cheat", "illegal",
			"improper", "careless", "blame", "breach", "abuse", "wrong", "malicious", "deceiv", "conceal", "evade", "culprit", "offend", "lazy", "unauthori",
			"should have", "failed to",
		} {
			if strings.Contains(strings.ToLower(text), word) {
				t.Errorf("%q says %q", text, word)
			}
		}
	}
}

// The configuration keeps its own list and defaults, since neither package may import the other.
func TestConfigurationAgrees(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	f := c.Report.Findings
	equal(t, Thresholds{
		Disabled:                         f.Disabled,
		Overdue:                          Grace(f.Overdue),
		SignedLate:                       Grace(f.SignedLate),
		BulkApproval:                     Bulk(f.BulkApproval),
		PrivilegedApprovedWithoutComment: Comment(f.PrivilegedApprovedWithoutComment),
		RevokedStillPresent:              Grace(f.RevokedStillPresent),
		ReassignedNearDue:                Within(f.ReassignedNearDue),
		PopulationDrop:                   Drop(f.PopulationDrop),
	}, Defaults())
	equal(t, fields(reflect.TypeOf(f)), fields(reflect.TypeFor[Thresholds]()))

	c.Report.Findings.Disabled = ids
	if err := c.Check(); err != nil {
		t.Errorf("a rule cannot be disabled: %v", err)
	}
	c.Report.Findings.Disabled = []string{"?"}
	err = c.Check()
	if err == nil || !strings.HasSuffix(err.Error(), "must be one of "+strings.Join(ids, ", ")) {
		t.Errorf("rules that can be disabled: %v", err)
	}
}

func fields(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// A span of time and a share are what people write.
func TestSpansAndShares(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 61 * time.Minute: "1 h 1 min",
		24 * time.Hour: "1 day", 49*time.Hour + 59*time.Second: "2 days 1 h",
	} {
		if got := span(d); got != want {
			t.Errorf("span of %v: got %q, want %q", d, got, want)
		}
	}
	for share, want := range map[float64]string{0.07: "7%", 0.98: "98%", 0.999: "99.9%", 1: "100%", 0: "0%"} {
		if got := percent(share); got != want {
			t.Errorf("percent of %v: got %q, want %q", share, got, want)
		}
	}
}

// FuzzRules holds that no input makes a rule panic, that a finding is whole, and that equal inputs give equal findings.
func FuzzRules(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(binary.LittleEndian.AppendUint64(nil, seed), "FLIPPED", int64(seed)*1_000_000_007)
	}
	f.Add([]byte{}, "\xff\x00", int64(-1))
	f.Fuzz(func(t *testing.T, seed []byte, word string, n int64) {
		var key [32]byte
		copy(key[:], seed)
		first, second := random(key, word, n), random(key, word, n)
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("equal inputs, other findings (-first +second):\n%s", diff)
		}
		for _, found := range first {
			if found.Rule == "" || found.Version < 1 || found.Severity == "" || found.Object == "" || found.Detail == "" || found.Where == "" {
				t.Errorf("not whole: %+v", found)
			}
		}
	})
}

// random runs all rules on inputs made from a key, in which the words that rules look for, a text and a number are
// more frequent than chance.
func random(key [32]byte, word string, n int64) []Finding {
	r := rand.New(rand.NewChaCha8(key))
	m := maker{r: r, texts: []string{
		"", "", "x", word, "APPROVE", "REVOKE", "ERROR", "FLIPPED", "SIGNED", "GOVERNANCE_GROUP", string(OriginAuto), string(OriginReviewer), string(StillPresent),
	}, numbers: []int64{0, 1, 20, n, -n, 1 << 62, -1 << 63}}
	var (
		t     Thresholds
		run   Run
		cert  Certification
		cov   Coverage
		it    Item
		iv    Interval
		ch    Change
		task  Task
		re    Reassignment
		rev   Revocation
		found []Finding
	)
	for _, v := range []any{&t, &run, &cert, &cov, &it, &iv, &ch, &task, &re, &rev} {
		m.fill(reflect.ValueOf(v).Elem())
	}
	for _, some := range [][]Finding{
		OfRun(run, t), OfCertification(cert, t), OfCoverage(cov, t), OfItem(it, t), OfInterval(iv, t), OfChange(ch, t), OfTask(task, t),
		OfReassignment(re, t), OfRevocation(rev, t),
	} {
		found = append(found, some...)
	}
	return found
}

type maker struct {
	r       *rand.Rand
	texts   []string
	numbers []int64
}

func (m maker) fill(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		if m.r.IntN(3) > 0 {
			v.Set(reflect.ValueOf(time.Unix(m.numbers[m.r.IntN(len(m.numbers))], 0)))
		}
	case v.Kind() == reflect.String:
		v.SetString(m.texts[m.r.IntN(len(m.texts))])
	case v.Kind() == reflect.Bool:
		v.SetBool(m.r.IntN(2) == 0)
	case v.CanInt():
		v.SetInt(m.numbers[m.r.IntN(len(m.numbers))])
	case v.CanFloat():
		v.SetFloat(m.r.Float64() * 2)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), m.r.IntN(3), 3))
		for i := range v.Len() {
			m.fill(v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			m.fill(v.Field(i))
		}
	}
}

func BenchmarkOfItem(b *testing.B) {
	i, t := item(), Defaults()
	i.ReviewerID, i.Origin, i.Comments = "p2", OriginReviewer, "needed"
	b.ReportAllocs()
	for b.Loop() {
		if OfItem(i, t) != nil {
			b.Fatal("found something")
		}
	}
}
