# SPDX-License-Identifier: GPL-2.0-only
#
# awk -v program=NAME -v status=N [-v filtered=1] -f tests/tap.awk NAME.tap
#
# Judges what one test program printed (the Test Anything Protocol) and how it
# ended. Prints each failing test with its message, and a last line
# "PASSED FAILED SKIPPED" for tests/check to add up. A program that printed
# no plan, fewer results than planned, no result at all (unless only some cases
# were asked for), or that ended badly without a failing test is one failure
# more.

{ sub(/\r$/, "") }

/^[ \t]*1\.\.[0-9]+/ {
	plan = $0
	sub(/.*\.\./, "", plan)
	planned += plan
	plans++
	next
}

/^(not )?ok([ \t]|$)/ {
	results++
	bad = /^not/
	text = $0
	sub(/^(not )?ok[ \t]*[0-9]*[ \t]*(-[ \t]*)?/, "", text)
	failing = 0
	if (/# SKIP/) {
		skipped++
		print "skipped: " program ": " text
	} else if (bad) {
		failed++
		failing = 12
		print "FAILED: " program ": " text
	} else {
		passed++
	}
	next
}

/^Bail out!/ { bail = $0 }

failing > 0 { print "    " $0; failing-- }
{ last[NR % 5] = $0 }

function more(why,    i)
{
	failed++
	print "FAILED: " program ": " why
	for (i = NR + 1; i <= NR + 5; i++)
		if (last[i % 5] != "")
			print "    " last[i % 5]
}

END {
	if (status == "")
		more("it did not run to its end")
	else if (status == 124 || status == 137)
		more("it did not end in time, or was killed (status " status ")")
	else if (bail)
		more(bail)
	else if (!plans)
		more("it printed no plan (status " status ")")
	else if (results != planned)
		more("it planned " planned " tests and reported " results + 0 " (status " status ")")
	else if (!results && !filtered)
		more("it has no test")
	else if (status != 0 && !failed)
		more("it ended with status " status)
	printf "%d %d %d\n", passed, failed, skipped
}
