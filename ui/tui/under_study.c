/* under_study: a look into every block takes seconds; until it is done these screens say so. */
#include "ui/tui/under_study.h"

#include "base/cleanup.h"

void under_study_title(const struct board *board, const struct area *area, const char *title)
{
	_cleanup_(text_fini) struct text age = TEXT_EMPTY;
	area_text(area, 1, 0, STYLE_TITLE, title);
	if (board->studies)
		text_addf(&age, "looking into every block ... %u %%  ", board->study_done / 10);
	if (board->with_census)
		board_age(board, board->with_census, &age);
	area_text_right(area, area->width - 1, 0, STYLE_DIM, text_string(&age));
}

void under_study_draw(const struct board *board, const struct area *area)
{
	const char *line = "It was not looked into.";
	if (board->studies)
		line = "Every block is looked into once, beside the looks shown. It takes seconds.";
	else if (board->study_trouble.length)
		line = text_string(&board->study_trouble);
	else if (!board->gone && !board->still)
		line = "It was not looked into yet: r does.";
	area_wrap(area, 1, 2, area->width - 2, 3, STYLE_STRONG, line);
}

bool under_study_request(struct board *board, enum request request)
{
	if (request != REQUEST_STUDY)
		return false;
	if (board->still || board->gone)
		board_say(board, false, "there is nothing new to look into");
	else
		board->wants_study = true;
	return true;
}
