//! The contract of the repository port: what storage must do, whatever it is made of. Every case
//! runs against SQLite, PostgreSQL and the fake in memory, under a name of its own such as
//! `sqlite::registering_the_same_again_changes_nothing`.

#![expect(clippy::unwrap_used, reason = "a case that cannot go on has failed")]

/// Runs each case on each backend, with a subject of its own. A case that is listed nowhere is
/// dead code, which the compiler tells.
macro_rules! contract {
    ($subject:ty, $($backend:ident)+: $cases:tt) => {
        $(contract!(@ $subject, $backend: $cases);)+
    };
    (@ $subject:ty, $backend:ident: { $($module:ident { $($case:ident)+ })+ }) => {
        mod $backend {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let subject = <$subject>::$backend().await;
                    crate::$module::$case(&subject).await;
                    subject.close().await;
                }
            )+)+
        }
    };
}

mod agreement;
mod cache;
mod collections;
mod concurrency;
mod contention;
mod contest;
mod curated;
mod fields;
mod filters;
mod freshness;
mod migrations;
mod orders;
mod pages;
mod processes;
mod rows;
mod search;
mod sources;
mod staleness;
mod told;

contract! { crate::cache::Cache, memory sqlite postgres: {
    sources {
        nothing_is_there_before_a_registration
        registering_makes_default_and_a_mirror_for_each_source
        no_source_at_all_still_makes_default
        registering_the_same_again_changes_nothing
        a_source_named_default_needs_no_mirror
        reserved_and_taken_names_get_a_suffix
        names_that_differ_by_case_are_two_sources
        a_source_name_may_be_255_characters_of_any_script
        sources_are_answered_as_given_and_listed_by_precedence
        a_detached_mirror_is_kept_but_out_of_default
        a_detached_source_that_is_back_brings_its_rows_along
        a_detached_source_takes_no_change
        detaching_the_source_default_takes_its_rows_away
        another_root_takes_away_what_proved_the_rows
        of_many_artifacts_each_is_known
        another_layout_is_remembered
        a_source_that_nobody_registered_takes_no_change
    }
    fields {
        every_field_comes_back_as_it_was_stored
        every_field_is_replaced_by_a_later_read
        a_row_made_without_a_date_keeps_the_one_it_was_made_at
        what_is_known_is_what_was_stored_last
        ids_that_differ_by_case_are_two_artifacts
    }
    rows {
        a_delta_raises_each_changed_generation_by_one
        a_delta_of_nothing_raises_no_generation
        an_older_read_never_replaces_a_newer_one
        an_older_read_in_a_delta_does_not_stop_the_others
        what_is_stored_already_is_no_second_change
        what_is_stored_already_makes_invalidated_rows_valid
        a_removal_spares_what_was_read_since_the_scan_began
        a_recheck_is_stored_without_a_new_generation
        fifteen_hundred_rows_come_and_go_in_one_delta
        memberships_are_the_collections_that_hold_the_sources_row
        an_older_scan_never_replaces_a_newer_one
    }
    orders {
        every_order_is_greater_than_those_before_it
        of_two_looks_at_the_same_time_the_later_one_counts
        a_clock_that_was_ahead_hides_no_later_look
        readers_whose_clocks_differ_agree
        a_row_from_the_future_is_stale
    }
    contention {
        whatever_writes_at_once_stands_in_nobodys_way
    }
    contest {
        the_first_name_wins_whoever_came_first
        the_source_default_wins_every_contest
        what_default_holds_of_others_is_not_known_as_its_sources
        the_runner_up_takes_the_place_of_a_removed_winner
        a_shadowed_change_leaves_default_alone
        detaching_the_winner_brings_the_runner_up
        detaching_a_loser_changes_nothing
        sources_attached_at_once_hand_no_invalidation_on
        without_a_contest_nothing_is_shadowed
        the_loser_of_an_id_is_shadowed_until_the_winner_goes
        a_detached_source_neither_shadows_nor_is_shadowed
        the_source_default_shadows_every_other
        of_many_shadowed_the_first_are_told_and_all_are_counted
    }
    freshness {
        a_verified_source_refreshes_all_of_its_rows
        verification_tells_one_state_of_the_sources_from_another
        one_row_of_one_collection_can_be_invalidated
        what_was_read_again_and_is_the_same_is_valid_in_every_collection
        a_collection_can_be_invalidated_without_the_others
        a_source_is_invalidated_in_every_collection
        invalidating_nothing_changes_nothing
        an_invalidation_outlives_the_scan_that_began_before_it
        an_invalidation_of_default_outlives_an_older_scan_too
        a_verification_does_not_end_an_invalidation
        an_invalidated_row_can_be_removed
        a_row_goes_stale_to_the_microsecond
        stats_count_every_state_of_health
        the_last_report_is_kept_whatever_it_says
    }
    staleness {
        stale_rows_are_counted_by_their_source
        stale_rows_come_in_batches_the_oldest_first
        a_verified_source_has_no_stale_rows_but_the_invalidated
        the_census_counts_default_by_kind_and_health
        no_more_connections_are_open_than_may_be
        what_is_known_at_a_path_is_known_by_that_path_alone
    }
    told {
        every_commit_is_told_once_in_order
        what_changes_nothing_is_not_told
        an_invalidation_and_a_registration_are_told_too
        that_the_collections_are_others_is_told
    }
    pages {
        pages_go_both_ways_by_every_sort_and_limit
        a_page_before_a_cursor_holds_the_nearest_rows_in_order
        beyond_either_end_there_is_an_empty_page
        a_collection_without_rows_has_one_empty_page
        an_unknown_collection_has_no_page
        rows_that_come_and_go_move_no_other_row
        a_row_whose_file_changed_moves_to_the_front
        times_before_1970_and_ties_keep_their_order
        names_are_sorted_by_their_folded_bytes
        names_of_255_characters_are_stored_and_paged
    }
    filters {
        a_kind_is_one_of_those_asked_for
        every_tag_must_be_there_exactly
        tags_follow_the_artifact
        origin_and_health_are_compared_exactly
        conditions_combine_with_and
        filtered_pages_go_on_where_they_stopped
        facets_count_each_value_the_most_frequent_first
        facets_count_what_the_filter_lets_pass
        facets_list_the_200_most_frequent_tags
        an_artifact_without_anything_to_filter_by_is_found
    }
    search {
        every_field_that_says_what_it_is_can_be_searched
        every_word_must_be_there_the_last_one_as_a_beginning
        accents_case_and_script_do_not_matter
        the_language_of_queries_means_nothing_in_a_search
        relevance_puts_the_name_first
        a_search_follows_the_artifact
        a_detached_source_is_found_in_its_mirror_alone
        a_very_long_text_is_searched_too
    }
    curated {
        a_collection_is_made_empty_and_found_by_id_and_name
        a_collection_is_renamed_and_described_without_a_new_generation
        a_name_is_taken_by_names_and_ids
        a_mirror_gives_way_to_a_taken_name
        a_curated_collection_can_be_deleted_and_default_cannot
        a_detached_mirror_can_be_deleted_and_comes_back_from_its_files
        an_empty_mirror_can_be_deleted_and_comes_back_with_its_source
        an_addition_tells_what_became_of_each_artifact
        a_new_member_is_read_before_it_counts_as_fresh
        an_artifact_added_by_many_at_once_is_one_row
        collections_made_while_a_source_changes_end_up_right
        a_member_is_taken_away_once
        members_have_the_values_of_default
        members_follow_the_source_default_too
        a_member_is_hidden_while_its_artifact_is_gone
        members_are_hidden_while_their_source_is_detached
        a_hidden_member_can_be_taken_away_unseen
        what_was_missing_too_long_does_not_come_back
        invalidating_spares_what_is_hidden
    }
    collections {
        collections_are_listed_by_name_page_after_page
        a_search_finds_a_part_of_a_folded_name
        a_search_and_a_page_go_together
        a_listed_collection_is_the_one_that_is_asked_for
        an_unknown_collection_is_none
    }
    concurrency {
        a_reader_sees_the_state_before_or_after_a_write
        writes_of_several_sources_at_once_are_all_kept
        leases_of_two_sources_do_not_wait_for_each_other
        writes_and_reads_go_on_while_a_lease_is_held
    }
} }
