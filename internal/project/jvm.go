package project

import (
	"bytes"
	"encoding/xml"
	"path"
	"strings"
)

// detectMaven gives commands to the outermost pom.xml of each part.
//
// Set-up runs the packaging with its tests once and does not mind red ones:
// dependency:go-offline leaves out what Surefire fetches when the first test
// starts, and fails when modules of one build need each other.
func detectMaven(t *tree, f *findings) {
	for _, dir := range f.units("A pom.xml", topmost(t.dirsOf("pom.xml"))) {
		from := path.Join(dir, "pom.xml")
		text, ok := t.manifest(from)
		var pom struct {
			XMLName xml.Name
		}
		if !ok || xml.Unmarshal(text, &pom) != nil || pom.XMLName.Local != "project" {
			f.note("%s: not a project file that can be read.", from)
			continue
		}
		mvn := wrapper(t, dir, "mvnw", "mvn") + " -B -q"
		f.Setup = append(f.Setup, Command{Run: mvn + " -Dmaven.test.failure.ignore=true package", Dir: dir, From: from})
		f.runsOwn = true // its tests
		f.decides = append(f.decides, path.Join(dir, ".mvn/wrapper/maven-wrapper.properties"), path.Join(dir, ".mvn/extensions.xml"))
		for _, d := range t.dirsOf("pom.xml") {
			if within(d, dir) {
				f.decides = append(f.decides, path.Join(d, "pom.xml"))
			}
		}
		f.Build = append(f.Build, Command{Run: mvn + " -o -DskipTests package", Dir: dir, From: from})
		if hasTestsBelow(t, dir) {
			f.Test = append(f.Test, Command{Run: mvn + " -o test", Dir: dir, From: from})
		} else {
			f.note("%s: there is nothing in src/test, so no test command.", from)
		}
	}
}

// detectGradle gives commands to each Gradle build that brings its wrapper; the
// version of Gradle matters too much to take another. Tests run once in set-up,
// as what they need at run time is fetched no earlier.
func detectGradle(t *tree, f *findings) {
	dirs := topmost(t.dirsOf("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"))
	for _, dir := range f.units("A Gradle build", dirs) {
		from := t.first(dir, "settings.gradle.kts", "settings.gradle", "build.gradle.kts", "build.gradle")
		switch {
		case t.has(path.Join(dir, "pom.xml")):
			f.note("%s: Maven is there too and is taken.", from)
			continue
		case !t.has(path.Join(dir, "gradlew")):
			f.note("%s: no Gradle wrapper (gradlew), so no commands.", from)
			continue
		case android(t, dir):
			f.note("%s: Android builds need an SDK; no commands.", from)
			continue
		}
		gradle := wrapper(t, dir, "gradlew", "") + " --no-daemon"
		setup := gradle + " assemble testClasses"
		f.runsOwn = true // its build scripts and tests
		f.decides = append(f.decides, gradleFiles(t, dir)...)
		f.Build = append(f.Build, Command{Run: gradle + " --offline assemble", Dir: dir, From: from})
		if hasTestsBelow(t, dir) {
			setup += " && { " + gradle + " --continue test || true; }"
			f.Test = append(f.Test, Command{Run: gradle + " --offline test", Dir: dir, From: from})
		} else {
			f.note("%s: there is nothing in src/test, so no test command.", from)
		}
		f.Setup = append(f.Setup, Command{Run: setup, Dir: dir, From: from})
	}
}

// wrapper returns how to start the tool that a checkout brings, or its name.
func wrapper(t *tree, dir, script, otherwise string) string {
	w, ok := t.find(path.Join(dir, script))
	switch {
	case !ok:
		return otherwise
	case w.exec:
		return "./" + script
	}
	return "sh " + script
}

func gradleFiles(t *tree, dir string) (files []string) {
	for _, f := range t.below(dir) {
		base := path.Base(f.path)
		if strings.HasSuffix(base, ".gradle") || strings.HasSuffix(base, ".gradle.kts") || base == "gradle.properties" ||
			base == "gradle-wrapper.properties" || base == "gradle.lockfile" || base == "libs.versions.toml" {
			files = append(files, f.path)
		}
	}
	return files
}

func android(t *tree, dir string) bool {
	for _, p := range gradleFiles(t, dir) {
		if text, _ := t.read(p, maxText); bytes.Contains(text, []byte("com.android.")) {
			return true
		}
	}
	return false
}
