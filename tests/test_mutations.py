"""Break the code on purpose: every mistake below must make a test fail. A test that still passes is
not a test.
"""

import shutil
from pathlib import Path

import forks
import pytest

ROOT = Path(__file__).resolve().parent.parent

# name: (file, what is there, what a mistake would write, the test that must notice)
MUTATIONS = {
    "drop + a[l] inside": (
        "helpers/block.py",
        "return g(z2 + shortcut)",
        "return g(z2)",
        "test_block.py::test_gradients_agree_with_finite_differences",
    ),
    "drop + a[l] outside": (
        "helpers/block.py",
        "return g(z2) + shortcut",
        "return g(z2)",
        "test_block.py::test_gradients_agree_with_finite_differences",
    ),
    "inside adds after g": (
        "helpers/block.py",
        "return g(z2 + shortcut)",
        "return g(z2) + shortcut",
        "test_block.py::test_forward_and_backward_agree_with_torch",
    ),
    "a[l+1] as the shortcut": (
        "helpers/block.py",
        "shortcut = a if Ws",
        "shortcut = a1 if Ws",
        "test_block.py::test_forward_and_backward_agree_with_torch",
    ),
    "forget b2": (
        "helpers/block.py",
        "    z2 = W2 @ a1 + b2\n    shortcut",
        "    z2 = W2 @ a1\n    shortcut",
        "test_block.py::test_forward_and_backward_agree_with_torch",
    ),
    "forget b1": (
        "helpers/block.py",
        "    a1 = g(W1 @ a + b1)",
        "    a1 = g(W1 @ a)",
        "test_block.py::test_forward_and_backward_agree_with_torch",
    ),
    "gradient without the + 1": (
        "helpers/block.py",
        '"inside": d2,',
        '"inside": 0.0,',
        "test_block.py::test_gradients_agree_with_finite_differences",
    ),
    "slope of g at the wrong place": (
        "helpers/block.py",
        "slope(z2 + a if",
        "slope(z2 if",
        "test_block.py::test_gradients_agree_with_finite_differences",
    ),
    "decay that grows W": (
        "helpers/block.py",
        "W - learning_rate * strength",
        "W + learning_rate * strength",
        "test_block.py::test_decay_follows_its_closed_form",
    ),
    "torch: drop + a[l]": (
        "helpers/nets.py",
        "return torch.relu(z + self.Ws(a))",
        "return torch.relu(z)",
        "test_nets.py::test_block_is_the_block_of_the_lecture",
    ),
    "torch: inside adds after g": (
        "helpers/nets.py",
        "torch.relu(z + self.Ws(a))",
        "torch.relu(z) + self.Ws(a)",
        "test_nets.py::test_block_is_the_block_of_the_lecture",
    ),
    "torch: a plain net with a secret skip": (
        "helpers/nets.py",
        'case "none":\n                return torch.relu(z)',
        'case "none":\n                return torch.relu(z + self.Ws(a))',
        "test_nets.py::test_plain_net_has_no_secret_skip",
    ),
    "torch: identity start is not the identity": (
        "helpers/nets.py",
        "nn.init.zeros_(last.bias)",
        "nn.init.ones_(last.bias)",
        "test_nets_starts.py::test_start_identity_is_the_identity_to_the_last_bit",
    ),
    "torch: a plain block that starts dead": (
        "helpers/nets.py",
        "nn.init.eye_(layer.weight)",
        "nn.init.zeros_(layer.weight)",
        "test_nets_starts.py::test_start_identity_is_the_identity_to_the_last_bit",
    ),
    "swap the arms' names": (
        "helpers/plots.py",
        '"none": "plain"',
        '"none": "residual"',
        "test_plots.py::test_each_arm_has_its_own_name_colour_line_and_marker",
    ),
    "swap the arms' styles": (
        "helpers/plots.py",
        '"none": PLAIN, "inside": INSIDE',
        '"none": INSIDE, "inside": PLAIN',
        "test_plots.py::test_each_arm_has_its_own_name_colour_line_and_marker",
    ),
    "swap the shortcuts of the drawing": (
        "helpers/diagrams.py",
        "(name == skip)",
        "(name != skip)",
        "test_diagrams.py::test_block_diagram_shows_the_shortcut_of_its_skip_only",
    ),
    "shuffle the labels": (
        "helpers/datasets.py",
        'file["labels"]',
        'file["labels"][::-1]',
        "test_datasets.py::test_digits_are_what_the_readme_says",
    ),
    "test images among the training images": (
        "helpers/datasets.py",
        "images[~test]",
        "images[:1437]",
        "test_datasets.py::test_no_test_image_is_a_training_image",
    ),
    "no checksum": (
        "helpers/files/verified.py",
        "if found != sha256:",
        "if False:",
        "test_datasets.py::test_harmed_file_is_refused",
    ),
    "every net sees the batches of the first": (
        "helpers/lockstep/stack.py",
        "manual_seed(int(seed)) for seed in seeds]",
        "manual_seed(int(seeds[0])) for _ in seeds]",
        "test_lockstep.py::test_plain_and_residual_nets_together_equal_each_alone",
    ),
    "a loop that keeps the gradients of the last batch": (
        "helpers/training.py",
        "                learner.zero_grad()\n",
        "",
        "test_training.py::test_train_is_the_loop_that_a_user_would_write",
    ),
    "a loop that does not shuffle": (
        "helpers/training.py",
        "in shuffled(len(x), shuffler).split(int(batch))",
        "in torch.arange(len(x)).split(int(batch))",
        "test_training.py::test_train_is_the_loop_that_a_user_would_write",
    ),
    "a loop that goes on with a loss that is not finite": (
        "helpers/training.py",
        "loss = finite(cross_entropy(net(x[chosen]), y[chosen]))",
        "loss = cross_entropy(net(x[chosen]), y[chosen])",
        "test_training.py::test_a_net_that_diverges_between_two_measurements_is_frozen_at_once",
    ),
    "a diverged net with a good loss": (
        "helpers/training.py",
        "inf if self.failed else self.training_loss[-1]",
        "self.training_loss[-1]",
        "test_training.py::test_a_net_that_diverged_is_infinitely_bad_and_has_no_errors",
    ),
    "the best rate by the mean": (
        "helpers/training.py",
        "np.median([h.final_loss",
        "np.mean([h.final_loss",
        "test_training.py::test_the_best_rate_has_the_lowest_median_loss_and_diverged_nets_count_as_infinite",
    ),
    "the best rate of the luckiest seed": (
        "helpers/training.py",
        "np.median([h.final_loss",
        "min([h.final_loss",
        "test_training.py::test_the_best_rate_has_the_lowest_median_loss_and_diverged_nets_count_as_infinite",
    ),
    "a fair comparison with one seed for all": (
        "helpers/training.py",
        "[makes[kind](seed) for kind, _, seed in runs]",
        "[makes[kind](seeds[0]) for kind, *_ in runs]",
        "test_training.py::test_a_fair_comparison_trains_each_seed_at_each_rate",
    ),
    "diverged runs are not noticed": (
        "helpers/training.py",
        "self.diverged or not isfinite(loss)",
        "self.diverged",
        "test_lockstep_ends.py::test_diverging_net_is_reported_and_harms_no_other",
    ),
    "test error measured on training images": (
        "helpers/lockstep/stack.py",
        "wrong(test_scores, y_test)",
        "wrong(scores, y_train)",
        "test_training.py::test_train_many_gives_each_net_what_train_gives",
    ),
    "test error of one net measured on training images": (
        "helpers/training.py",
        "wrong(test_scores, y_test)",
        "wrong(scores, y_train)",
        "test_training.py::test_errors_are_measured_on_their_own_images",
    ),
    "a diverged net goes on": (
        "helpers/lockstep/stack.py",
        "self.rows[number].grad = None",
        "pass",
        "test_lockstep_ends.py::test_a_net_that_diverges_in_a_stack_stays_as_it_was",
    ),
    "an interrupt loses the history": (
        "helpers/training.py",
        "        except KeyboardInterrupt:\n            self.stopped",
        "        except OSError:\n            self.stopped",
        "test_training.py::test_interrupt_keeps_the_history_and_the_net",
    ),
    "a normalisation of many nets whose mean has no gradient": (
        "helpers/lockstep/pixels.py",
        "torch.addcmul(slope * for_beta / -len(g), g, slope)",
        "g * slope",
        "test_training.py::test_train_many_gives_each_net_what_train_gives",
    ),
    "running variance of many nets divided by n": (
        "helpers/lockstep/pixels.py",
        "len(x) / (len(x) - 1)",
        "1.0",
        "test_training.py::test_train_many_gives_each_net_what_train_gives",
    ),
    "buffers of the first net for all": (
        "helpers/lockstep/stack.py",
        "self.fixed[name][number]",
        "self.fixed[name][0]",
        "test_lockstep.py::test_convolutional_nets_together_equal_each_alone",
    ),
    "a plain net with the skip of its neighbour": (
        "helpers/lockstep/stack.py",
        "setdefault(_structure(net)",
        "setdefault(None",
        "test_lockstep.py::test_plain_and_residual_nets_together_equal_each_alone",
    ),
    "double precision lost": (
        "helpers/inputs/arguments.py",
        "like.device, like.dtype)",
        "like.device, torch.float32)",
        "test_lockstep.py::test_plain_and_residual_nets_together_equal_each_alone",
    ),
    "one learning rate for all": (
        "helpers/lockstep/stack.py",
        "of_rate[float(rate)].append",
        "of_rate[float(rates[0])].append",
        "test_lockstep.py::test_convolutional_nets_together_equal_each_alone",
    ),
    "hooks that are not looked at": (
        "helpers/lockstep/stack.py",
        ' - {"_forward_hooks", "_forward_pre_hooks"}',
        "",
        "test_lockstep.py::test_nets_that_differ_in_a_hook_are_kept_apart",
    ),
    "statistics that were moved by the check": (
        "helpers/lockstep/stack.py",
        "self.fixed[name].copy_(values)",
        "pass",
        "test_lockstep_layers.py::test_any_batch_normalisation_equals_itself_alone",
    ),
    "layers in a Python list are not noticed": (
        "helpers/inputs/suspects.py",
        "(leaves or set()) - set(net.parameters())",
        "(leaves or set()) & set(net.parameters())",
        "test_inputs_suspects.py::test_a_silent_mistake_gets_one_warning",
    ),
    "every frozen layer is suspected": (
        "helpers/inputs/suspects.py",
        "if not names or len(names) > sum(learns):",
        "if not names:",
        "test_inputs_suspects.py::test_what_is_meant_gets_no_warning",
    ),
    "looking at a net moves its statistics": (
        "helpers/inputs/arguments.py",
        "buffer.copy_(before)",
        "pass",
        "test_inputs_suspects.py::test_looking_at_a_net_changes_nothing",
    ),
    "any optimiser may train a stack": (
        "helpers/inputs/optimizers.py",
        "if not torch.allclose(",
        "if len(apart) != 8 and not torch.allclose(",
        "test_inputs_nets.py::test_optimizers_that_cannot_do_it_are_named",
    ),
    "a file is written over": (
        "helpers/files/writing.py",
        "os.replace(part, target)",
        "target.write_bytes(part.read_bytes())",
        "test_writing.py::test_a_full_disk_leaves_what_was_there",
    ),
    "any file may be replaced": (
        "helpers/files/writing.py",
        "return bool(is_own(path))",
        "return True",
        "test_writing.py::test_what_is_not_ours_stays",
    ),
    "an unpacked folder is not looked at": (
        "helpers/studies/cifar10.py",
        "if len(set(counts.tolist())) > 1:",
        "if len(set(counts.tolist())) > 10:",
        "test_cifar10_forms.py::test_a_changed_folder_is_noticed",
    ),
    "the parts of a module have no version": (
        "helpers/studies/store.py",
        "HELPERS.rglob(",
        "HELPERS.glob(",
        "test_store.py::test_a_change_of_the_module_or_of_a_helper_is_a_new_version",
    ),
    "a file that is not a store is mended": (
        "helpers/studies/store.py",
        "START.startswith(rest[: len(START)])",
        "True",
        "test_store_files.py::test_a_store_with_something_else_in_it_is_refused_too",
    ),
    "a limit of an outer group is not seen": (
        "helpers/setup/machine.py",
        "for place in (folder, *folder.parents):",
        "for place in (folder,):",
        "test_machine.py::test_cores_are_counted_as_a_container_allows_them",
    ),
    "a broken film passes for a good one": (
        "helpers/panels/film.py",
        "        self._store()\n        if self._failure:",
        "        self._store()\n        if False:",
        "test_film.py::test_play_raises_what_the_film_raised",
    ),
    "reset without a pause": (
        "helpers/panels/reel.py",
        "        self.pause()\n        self._rewind()",
        "        self._rewind()",
        "test_film.py::test_a_control_moved_from_another_thread_while_the_film_plays",
    ),
    "an error in a callback stays silent": (
        "helpers/panels/panel.py",
        'self._screen.error = f"{type(error)',
        '_ = f"{type(error)',
        "test_panel.py::test_an_error_is_shown_and_the_next_move_goes_on",
    ),
    "old pictures stay when another panel moves": (
        "helpers/panels/panel.py",
        "        forget_all(but=self._ahead)\n",
        "",
        "test_ahead.py::test_what_may_change_a_picture_empties_the_store",
    ),
    "pictures are drawn ahead while a film runs": (
        "helpers/panels/ahead.py",
        " or Reel.any_runs()",
        "",
        "test_ahead.py::test_nothing_is_drawn_while_a_cell_or_a_film_runs_or_nobody_looks",
    ),
    "a figure stays where it was drawn ahead": (
        "helpers/panels/panel.py",
        "        finally:\n            self._update(**self.values())",
        "        finally:\n            pass",
        "test_ahead.py::test_the_panel_stays_as_it_is",
    ),
    "an update of chance is drawn ahead": (
        "helpers/panels/ahead.py",
        "        if not same:\n",
        "        if False:\n",
        "test_lies.py::test_an_update_that_is_seen_to_lie_is_not_drawn_ahead",
    ),
    "what is no longer true is found out at the next move only": (
        "helpers/panels/ahead.py",
        "        if not self._is_steady(places):\n            return\n        yield True\n",
        "        yield True\n",
        "test_lies.py::test_a_lie_that_nobody_hears_of_is_found_before_a_move_if_a_control_is_touched",
    ),
    "pictures that are drawn ahead queue on a slow line": (
        "helpers/panels/flow.py",
        "                self._limit, self._waited = max(1, self._limit // 2), True\n",
        "                pass\n",
        "test_flow.py::test_on_a_slow_line_hardly_any_picture_waits_for_others",
    ),
    "nobody waits for a picture to arrive": (
        "helpers/panels/ahead.py",
        "if not self._flow.is_free():",
        "if False:",
        "test_ahead.py::test_no_more_pictures_are_under_way_than_the_line_takes",
    ),
    "a film that was paused goes on when a page is heard": (
        "helpers/panels/film.py",
        "if message == ALIVE and self._reel.unwatched:",
        "if message == ALIVE:",
        "test_film.py::test_a_film_goes_on_when_its_page_is_back_but_not_if_it_was_stopped",
    ),
    "a picture that was foreseen wrongly is believed": (
        "helpers/panels/panel.py",
        "        self._ahead.compare((picture, self.sentence))\n",
        "",
        "test_lies.py::test_an_update_that_lies_later_is_found_out_and_its_true_picture_wins",
    ),
    "a film goes on in a closed notebook": (
        "helpers/panels/reel.py",
        "if self._now() >= self._last_heard + patience:",
        "if False:",
        "test_reel.py::test_a_film_that_nobody_watches_pauses_and_loses_nothing",
    ),
    "drawing takes all the time of a film": (
        "helpers/panels/reel.py",
        "SHARE = 9",
        "SHARE = 0",
        "test_reel.py::test_drawing_takes_a_tenth_of_the_time",
    ),
    "two films run at a time": (
        "helpers/panels/reel.py",
        "            other.pause()",
        "            pass",
        "test_reel.py::test_only_one_reel_runs_at_a_time",
    ),
    "only the moved artists are redrawn": (
        "helpers/panels/drawing.py",
        "a.get_zorder() >= lowest",
        "a in self._moving",
        "test_drawing.py::test_a_blitted_picture_is_the_picture",
    ),
    "Ws transposed": (
        "helpers/block.py",
        "else Ws @ a",
        "else np.transpose(Ws) @ a",
        "test_block.py::test_Ws_agrees_with_torch",
    ),
    "torch: ReLU before the addition, inside": (
        "helpers/nets.py",
        "torch.relu(z + self.Ws(a))",
        "torch.relu(torch.relu(z) + self.Ws(a))",
        "test_nets.py::test_block_is_the_block_of_the_lecture",
    ),
    "convolutional: identity start is not the identity": (
        "helpers/nets.py",
        "nn.init.zeros_(last.weight)",
        "nn.init.ones_(last.weight)",
        "test_nets_starts.py::test_start_identity_is_the_identity_to_the_last_bit",
    ),
    "convolutional: a plain net with secret skips": (
        "helpers/nets.py",
        "(inputs, channels, stride, skip, shortcut, seed=None)",
        '(inputs, channels, stride, "inside" if number else skip, shortcut, seed=None)',
        "test_nets_convolutional.py::test_convolutional_layers_are_counted_as_in_the_paper",
    ),
    "stride forgotten on the shortcut": (
        "helpers/nets.py",
        "a[:, :, :: self.stride, :: self.stride]",
        "a",
        "test_nets_convolutional.py::test_convolutional_block_is_the_formula_in_torch",
    ),
    "padding at the wrong end of the channels": (
        "helpers/nets.py",
        "(0, 0, 0, 0, 0, self.more)",
        "(0, 0, 0, 0, self.more, 0)",
        "test_nets_convolutional.py::test_convolutional_block_is_the_formula_in_torch",
    ),
    "a block missing in ResNet-34": (
        "helpers/nets.py",
        "blocks=(3, 4, 6, 3)",
        "blocks=(3, 4, 5, 3)",
        "test_nets_resnet34.py::test_resnet34_is_that_of_torchvision",
    ),
    "a block that has lost its normalisation": (
        "helpers/nets.py",
        "nn.Sequential(layer, nn.BatchNorm2d(outputs))",
        "nn.Sequential(layer, nn.Identity())",
        "test_nets_convolutional.py::test_shortcuts_are_those_of_the_paper",
    ),
    "hooks that stay": (
        "helpers/probes.py",
        "hooks.enter_context(hook)",
        "pass",
        "test_probes.py::test_no_hook_is_left",
    ),
    "every shortcut dotted": (
        "helpers/diagrams.py",
        '":" if dotted else "-"',
        '":"',
        "test_diagrams.py::test_column_has_a_box_for_each_layer_and_an_arc_for_each_shortcut",
    ),
    "a still that moves the panel": (
        "helpers/panels/panel.py",
        "        finally:\n            self._update(**self.values())",
        "        finally:\n            pass",
        "test_panel.py::test_a_still_is_a_fine_picture_of_other_values_and_the_panel_stays_where_it_is",
    ),
    "a film that keeps no stills": (
        "helpers/panels/reel.py",
        "        self._keep_still(frame[0])\n        began",
        "        began",
        "test_film.py::test_a_film_keeps_stills_while_it_plays_and_is_not_run_again",
    ),
    "stills drawn before the layout is settled": (
        "helpers/panels/panel.py",
        "        self._drawing.draw()  # settles",
        "        # settles",
        "test_film.py::test_stills_of_a_film_lie_on_each_other",
    ),
    "positions without the start": (
        "helpers/press/stills.py",
        " | {control.value}",
        "",
        "test_stills.py::test_a_slider_has_its_ends_its_start_and_steps_it_can_take",
    ),
    "covers that hide what stays": (
        "helpers/press/pictures.py",
        "np.where(mask, ",
        "np.where(True, ",
        "test_stills.py::test_a_grid_keeps_to_its_room_and_has_the_ends_and_the_start",
    ),
    "a self-check that stops at the first error": (
        "helpers/setup/installation.py",
        "except BaseException as error:",
        "except ValueError as error:",
        "test_installation.py::test_the_sentences_stand_below_each_other",
    ),
    "helpers of another copy are not noticed": (
        "helpers/setup/installation.py",
        "if folder and not folder.samefile(COURSE):",
        "if False:",
        "test_installation.py::test_helpers_of_another_copy_are_noticed",
    ),
    "photographs stay on their side": (
        "helpers/files/pictures.py",
        "ImageOps.exif_transpose(image)",
        "image",
        "test_datasets_pictures.py::test_pictures_are_turned_upright",
    ),
    "the split ignores classes": (
        "helpers/datasets.py",
        "np.concatenate([np.arange(len(part)) % 5 == 0 for part in parts])",
        "np.arange(len(labels)) % 5 == 0",
        "test_datasets_folder.py::test_every_fifth_picture_of_a_class_is_a_test_image_and_no_training_image",
    ),
    "a mean that has seen the test images": (
        "helpers/studies/paper.py",
        "mean = x_train.mean(",
        "mean = torch.cat([x_train, x_test]).mean(",
        "test_paper.py::test_the_mean_is_that_of_the_training_images_at_each_pixel",
    ),
    "every step has the crops of the first": (
        "helpers/studies/paper.py",
        "[seed, CROPS, iteration]",
        "[seed, CROPS]",
        "test_paper.py::test_augmentation_follows_from_seed_and_step_and_leaves_its_input_alone",
    ),
    "a checkpoint without its momentum": (
        "helpers/studies/paper.py",
        'self.optimizer.load_state_dict(state["optimizer"])',
        "pass",
        "test_paper_checkpoints.py::test_going_on_gives_the_numbers_of_going_through",
    ),
    "a check that never names a mistake": (
        "helpers/exercises/saying.py",
        "            return sentence\n    return None",
        "            return None\n    return None",
        "test_checks.py::test_a_known_mistake_is_named_with_the_numbers",
    ),
    "a check that looks at the first case only": (
        "helpers/exercises/checks.py",
        "if found[0].arrays is None:",
        "if True:",
        "test_checks.py::test_a_solution_for_some_inputs_is_told_for_which",
    ),
    "a check that hands out its own arrays": (
        "helpers/exercises/watching.py",
        "given, borrowed = copy.deepcopy(arguments), []",
        "given, borrowed = arguments, []",
        "test_checks.py::test_input_changed_in_place",
    ),
    "a solution ends the check": (
        "helpers/exercises/watching.py",
        "    except BaseException as error:  # SystemExit",
        "    except ValueError as error:  # SystemExit",
        "test_watching.py::test_anything_else_is_answered_with_a_sentence",
    ),
    "a function without return counts as not begun": (
        "helpers/exercises/watching.py",
        "if result is None:",
        "if False:",
        "test_checks.py::test_a_missing_return_is_not_a_stub",
    ),
    "no time limit": (
        "helpers/exercises/timing.py",
        "signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)",
        "signal.setitimer(signal.ITIMER_REAL, 0.0, 0.1)",
        "test_timing.py::test_what_does_not_end_is_stopped",  # -x: a sleep that ends comes first
    ),
    "a check that keeps the stop button": (
        "helpers/exercises/timing.py",
        "signal.signal(number, before[number])",
        "pass",
        "test_timing.py::test_what_does_not_end_is_stopped",
    ),
    "the time on the clock counts": (
        "helpers/exercises/timing.py",
        "if number == signal.SIGALRM and not rung and watch.left() > 0:",
        "if False:",
        "test_timing.py::test_a_busy_machine_stops_no_right_solution",
    ),
    "what is ready-made passes by another name": (
        "helpers/exercises/watching.py",
        'if event == "call" and frame.f_code in codes:',
        "if False:",
        "test_checks.py::test_what_is_ready_made_is_seen_by_whatever_name_it_is_called",
    ),
    "a broken check finds everything right": (
        "helpers/exercises/checks.py",
        "if one.arrays is None or one.changed:",
        "if False:",
        "test_checks.py::test_a_check_that_refuses_its_own_solution_passes_no_other",
    ),
    "answers are written into any file": (
        "helpers/exercises/marks.py",
        "    if first != HEADER:",
        "    if False:",
        "test_marks.py::test_a_foreign_file_is_left_as_it_is",
    ),
    "three dots take away what was done": (
        "helpers/exercises/checks.py",
        "if done or not keeping.path or name not in answers:",
        "if True:",
        "test_marks.py::test_three_dots_take_nothing_away_and_a_wrong_answer_does",
    ),
    "edits of a teacher are overwritten": (
        "helpers/press/teacher.py",
        "if path.is_file() and not force and is_edited(path):",
        "if False:",
        "test_teacher.py::test_edits_by_hand_are_kept",
    ),
    "a typo gives an empty table of figures": (
        "helpers/datasets.py",
        "    if not found:",
        "    if False:",
        "test_datasets.py::test_a_typo_in_a_filter_is_not_an_empty_table",
    ),
}


def run_in_a_copy(folder, *tests, change=None):
    """Run tests on a copy of the project, one line of it changed; return exit code and report."""
    for part in ("helpers", "data", "tests"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis")
        )
    if change:
        file, before, after = change
        source = (folder / file).read_text(encoding="utf-8")
        assert source.count(before) == 1, (
            f"the line to break occurs {source.count(before)} times in {file}"
        )
        (folder / file).write_text(source.replace(before, after), encoding="utf-8")
    code = forks.run(folder, *tests, report=folder / "report")
    return code, (folder / "report").read_text(encoding="utf-8")


TESTS = sorted({test for *_, test in MUTATIONS.values()})


@pytest.mark.slow
@pytest.mark.parametrize("half", [TESTS[::2], TESTS[1::2]], ids=["one half", "the other half"])
def test_without_a_mistake_a_copy_passes(half, tmp_path):
    """Otherwise a test that fails in every copy, for a reason of its own, would notice every
    mistake.
    """
    assert all("::test_" in test for test in half)
    code, report = run_in_a_copy(tmp_path, *half)
    assert code == 0, report


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_is_noticed(name, tmp_path):
    *change, test = MUTATIONS[name]
    code, report = run_in_a_copy(tmp_path, test, change=change)
    assert code in (1, 2), report
    assert " failed" in report or "KeyboardInterrupt" in report
